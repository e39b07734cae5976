"""The interface of a lake, tested on a directory, SeaweedFS and rclone."""

from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from crypto_assets.errors import ForeignExchange, LakeRefused, ObjectMissing, WrongUse
from crypto_assets.lake import Lake, s3_bucket
from crypto_assets.lake.interface import LakeMarker
from crypto_assets.market.lake_object import Source
from crypto_assets_tests.lake.conftest import MakeLake, list_infos

KEY = "2025-01-01/BTCUSDT_klines_1735689600000-1735775940000_rest.json"
DEPTH = "2025-01-01/BTCUSDT_depth_1735689601234.json"
FETCHED = 1735776000123


def body_of(rows: int, mark: str = "x") -> bytes:
    return orjson.dumps([[i, mark] for i in range(rows)])


def put(lake: Lake, key: str, rows: int = 3, mark: str = "x", fetched_at: int = FETCHED) -> bool:
    source = Source.ARCHIVE if key.endswith("_archive.json") else Source.REST
    return lake.put(key, body_of(rows, mark), fetched_at=fetched_at, source=source, rows=rows)


def test_an_object_is_read_with_its_time_and_source(lake: Lake) -> None:
    assert put(lake, KEY)
    assert lake.get(KEY) == body_of(3)
    info = lake.get_info(KEY)
    assert info is not None
    assert (info.key, info.size_bytes) == (KEY, len(body_of(3)))
    assert (info.fetched_at, info.source) == (FETCHED, Source.REST)
    assert lake.get_with_info(KEY) == (info, body_of(3))
    assert list_infos(lake) == [info]


@pytest.mark.parametrize(
    "symbol", ["币安人生USDT", "龍" * 45 + "\U00020bb7USDT", "E\u0301USDT", "\u00c9USDT"]
)
def test_a_key_in_any_script_is_listed_read_copied_and_deleted(
    new_lake: MakeLake, symbol: str
) -> None:
    lake, other = new_lake(), new_lake()
    key, beside = (f"2025-01-01/{name}_depth_1735689601234.json" for name in (symbol, "BTCUSDT"))
    for made in (lake, other):
        made.create_storage()
    assert put(lake, key) and put(lake, beside)
    assert put(lake, key, rows=4), "replaced by the same name"
    assert [entry.key for entry in lake.list_entries("2025-01-01/")] == sorted([key, beside])
    assert [entry.key for entry in lake.list_entries(f"2025-01-01/{symbol}_")] == [key]
    assert [info.source for info in list_infos(lake)] == [Source.REST] * 2
    assert lake.copy_to(other, key)
    assert other.get_with_info(key) == lake.get_with_info(key)
    lake.delete([key])
    assert [entry.key for entry in lake.list_entries()] == [beside]
    assert lake.get_info(key) is None


def test_a_fetch_time_is_changed_only_of_the_fetch_that_was_meant(lake: Lake) -> None:
    assert put(lake, KEY)
    lake.change_fetch_time(KEY, FETCHED + 1, 1735689600000)
    info = lake.get_info(KEY)
    assert info is not None and info.fetched_at == FETCHED
    lake.change_fetch_time(KEY, FETCHED, 1735689600000)
    changed, body = lake.get_with_info(KEY)
    assert (changed.fetched_at, changed.source, body) == (1735689600000, Source.REST, body_of(3))
    assert put(lake, KEY, mark="later", fetched_at=FETCHED - 1)
    lake.change_fetch_time(DEPTH, FETCHED, FETCHED - 1)
    assert lake.get_info(DEPTH) is None


def test_a_missing_object(lake: Lake) -> None:
    assert lake.get_info(KEY) is None
    assert list(lake.list_entries("2025-01-01/")) == []
    with pytest.raises(ObjectMissing, match="BTCUSDT_klines"):
        lake.get(KEY)
    lake.delete([KEY])


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../../b", ".probe", "exchange.json"])
def test_a_reserved_key_or_one_outside_the_lake_is_refused(lake: Lake, key: str) -> None:
    with pytest.raises(WrongUse):
        put(lake, key)
    with pytest.raises(WrongUse):
        lake.get(key)


def test_an_object_with_more_rows_is_kept(lake: Lake) -> None:
    assert put(lake, KEY, rows=5, mark="first")
    assert not put(lake, KEY, rows=4, mark="fewer")
    assert lake.get(KEY) == body_of(5, "first")
    assert put(lake, KEY, rows=5, mark="equal", fetched_at=FETCHED + 1)
    assert lake.get(KEY) == body_of(5, "equal")
    assert put(lake, KEY, rows=6, mark="more", fetched_at=FETCHED + 2)
    info, body = lake.get_with_info(KEY)
    assert body == body_of(6, "more")
    assert info.fetched_at == FETCHED + 2


def test_of_objects_with_as_many_rows_the_later_fetch_is_kept(lake: Lake) -> None:
    assert put(lake, KEY, mark="later", fetched_at=FETCHED + 1)
    assert not put(lake, KEY, mark="earlier", fetched_at=FETCHED)
    assert lake.get(KEY) == body_of(3, "later")
    assert put(lake, KEY, mark="same time", fetched_at=FETCHED + 1)
    assert lake.get(KEY) == body_of(3, "same time")


def test_of_concurrent_writers_the_one_with_most_rows_wins(strict_lake: Lake) -> None:
    counts = [3, 9, 1, 12, 5, 12, 2, 7, 11, 4, 10, 6, 8, 1, 2, 3]
    with ThreadPoolExecutor(len(counts)) as pool:
        stored = list(pool.map(lambda rows: put(strict_lake, KEY, rows), counts))
    assert strict_lake.get(KEY) == body_of(12)
    assert all(done for rows, done in zip(counts, stored, strict=True) if rows == 12)


def test_listing_is_paged_ordered_by_key_and_limited_to_its_prefix(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_bucket, "PAGE_SIZE", 40)
    keys = [f"2025-01-{day:02d}/A_depth_{n}.json" for day in (3, 1, 2) for n in range(100, 130)]
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda key: put(lake, key), keys))
    lake.claim_for_exchange("binance")
    lake.check_writable()
    entries = list(lake.list_entries())
    assert [entry.key for entry in entries] == sorted(keys)
    assert [info.key for info in list_infos(lake)] == sorted(keys)
    assert {entry.size_bytes for entry in entries} == {len(body_of(3))}
    second = [key for key in sorted(keys) if key.startswith("2025-01-02/A_depth_11")]
    assert len(second) == 10
    assert [entry.key for entry in lake.list_entries("2025-01-02/A_depth_11")] == second
    behind = [entry.key for entry in lake.list_entries(after="2025-01-02/A_depth_119.json")]
    assert behind == sorted(keys)[50:]
    between = lake.list_entries("2025-01-02/", "2025-01-02/A_depth_119.json")
    assert [entry.key for entry in between] == sorted(keys)[50:60]
    lake.delete(keys[1:])
    assert [entry.key for entry in lake.list_entries()] == keys[:1]


def test_an_object_of_another_layout_has_no_source_or_that_of_the_put(lake: Lake) -> None:
    put(lake, "BTCUSDT/1m/2020.json")
    (info,) = list_infos(lake, "BTCUSDT/")
    assert info.source in (None, Source.REST)
    assert info.fetched_at == FETCHED


def test_storage_can_be_created_twice_and_concurrently(new_lake: MakeLake) -> None:
    lake = new_lake()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: lake.create_storage(), range(8)))
    put(lake, KEY)
    lake.create_storage()
    assert lake.get(KEY) == body_of(3)


def test_the_error_for_a_missing_lake_has_advice(new_lake: MakeLake) -> None:
    lake = new_lake()
    for call in (
        lake.check_writable,
        lambda: put(lake, KEY),
        lambda: list(lake.list_entries()),
        lambda: lake.claim_for_exchange("binance"),
    ):
        with pytest.raises(LakeRefused, match=r"does not exist: run `crypto-assets init`"):
            call()


def test_a_write_check_leaves_no_listed_object(lake: Lake) -> None:
    lake.check_writable()
    lake.check_writable()
    assert list(lake.list_entries()) == []


def test_a_lake_belongs_to_the_exchange_that_claimed_it_first(lake: Lake) -> None:
    assert lake.get_owner() is None
    lake.claim_for_exchange("binance")
    lake.claim_for_exchange("binance")
    assert lake.get_owner() == "binance"
    with pytest.raises(ForeignExchange, match=r"belongs to binance, not to simulated:7"):
        lake.claim_for_exchange("simulated:7")
    assert list(lake.list_entries()) == []


def test_a_lake_belongs_to_the_market_that_claimed_it_first(lake: Lake) -> None:
    for _ in range(2):
        lake.claim_for_exchange("binance", market="other")
    for market, named in (("third", "the market third"), ("", "the default market")):
        with pytest.raises(WrongUse, match=rf"the market other, not to {named}: each market needs"):
            lake.claim_for_exchange("binance", market=market, is_own=lambda: True)
    lake.claim_for_exchange("binance:1", "binance", market="other")
    assert lake.get_marker() == LakeMarker("binance:1", "other")


def test_a_claim_is_checked_without_being_made(new_lake: MakeLake) -> None:
    """Also of a lake that does not exist yet."""
    lake = new_lake()
    lake.require_claimable("binance")
    lake.create_storage()
    lake.require_claimable("binance", market="other")
    assert lake.get_marker() is None
    lake.claim_for_exchange("binance")
    lake.require_claimable("binance")
    with pytest.raises(ForeignExchange, match="belongs to binance"):
        lake.require_claimable("simulated:7")
    with pytest.raises(WrongUse, match="each market needs a lake"):
        lake.require_claimable("binance", market="other")


def test_a_lake_without_a_market_is_assigned_to_the_market_that_owns_it(lake: Lake) -> None:
    lake.claim_for_exchange("binance")
    with pytest.raises(WrongUse, match="the default market, not to the market other"):
        lake.claim_for_exchange("binance", market="other")
    with pytest.raises(ForeignExchange):
        lake.claim_for_exchange("binance.us", market="other", is_own=lambda: True)
    assert lake.get_marker() == LakeMarker("binance")
    lake.claim_for_exchange("binance", market="other", is_own=lambda: True)
    assert lake.get_marker() == LakeMarker("binance", "other")


def test_an_exchange_can_be_renamed_with_its_former_name(lake: Lake) -> None:
    lake.claim_for_exchange("binance", renaming="simulated:recorded")
    lake.claim_for_exchange("binance:1", renaming="binance")
    assert lake.get_owner() == "binance:1"
    for name in ("binance", "simulated:recorded"):
        with pytest.raises(ForeignExchange, match="belongs to binance:1, not to binance:2"):
            lake.claim_for_exchange("binance:2", renaming=name)
    assert lake.get_owner() == "binance:1"


def test_one_of_two_concurrent_claims_wins(strict_lake: Lake) -> None:
    names = [f"exchange-{n}" for n in range(6)]

    def claim(name: str) -> bool:
        try:
            strict_lake.claim_for_exchange(name)
        except ForeignExchange:
            return False
        return True

    with ThreadPoolExecutor(len(names)) as pool:
        won = [name for name, ok in zip(names, pool.map(claim, names), strict=True) if ok]
    assert won == [strict_lake.get_owner()]


def test_a_copy_keeps_time_source_and_content(lake: Lake, new_lake: MakeLake) -> None:
    other = new_lake()
    other.create_storage()
    archived = KEY.replace("_rest", "_archive")
    put(lake, archived)
    assert lake.copy_to(other, archived)
    assert other.get_with_info(archived) == lake.get_with_info(archived)
    assert other.get_with_info(archived)[0].fetched_at == FETCHED
    lake.delete([archived])
    with pytest.raises(ObjectMissing):
        lake.copy_to(other, archived)


def test_a_copy_onto_an_object_with_more_rows_changes_nothing(
    lake: Lake, new_lake: MakeLake
) -> None:
    other = new_lake()
    other.create_storage()
    put(lake, KEY, rows=3)
    put(other, KEY, rows=4)
    assert not lake.copy_to(other, KEY)
    assert lake.get(KEY) == body_of(3)
    assert other.get(KEY) == body_of(4)


def test_the_rows_of_depth_objects_are_their_levels(lake: Lake) -> None:
    def book(levels: int) -> bytes:
        side = [["1.0", "2.0"]] * levels
        return orjson.dumps({"lastUpdateId": 1, "bids": side, "asks": side})

    for levels, stored in ((5, True), (4, False), (6, True)):
        done = lake.put(
            DEPTH, book(levels), fetched_at=FETCHED, source=Source.REST, rows=2 * levels
        )
        assert done is stored
    assert lake.get(DEPTH) == book(6)
