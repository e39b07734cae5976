"""Imports: objects of any layout, only final rows, and a reason for what is not imported."""

import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import orjson
import pytest

from crypto_assets.lake import LakeEntry, S3Options, open_lake
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.candles import CANDLE_COLUMNS, KlineRow
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.foreign_format import (
    ForeignFormatError,
    find_symbol_in_key,
    parse_foreign_rows,
)
from crypto_assets.pipeline.ingestion.import_objects import (
    ImportResult,
    import_klines_objects,
    load_imported_days,
)
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    open_times,
    run_ingest,
)
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.s3 import S3Server

DAY = date(2025, 3, 4)
START = Window.of_day(DAY).start_ms
EARLIEST = date(2025, 1, 1)
KNOWN = {"BTCUSDT", "ETHUSDT", "BTCEUR"}


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange(now=NOON), "BTCUSDT", "ETHUSDT")


def rows_of(
    platform: PipelineContext, start: int, count: int, interval: Interval = Interval.M1
) -> list[KlineRow]:
    """Rows as the exchange returns them; the newest may be open."""
    window = Window(start, start + count * interval.ms)
    pages = platform.exchange.rest.fetch_kline_pages("BTCUSDT", interval, window)
    return [row for page in pages for row in page]


def write(folder: Path, key: str, content: object, written_at: int | None = None) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    at = (now_ms() if written_at is None else written_at) / 1000
    os.utime(path, (at, at))


def take(platform: PipelineContext, folder: Path, prefix: str = "") -> list[ImportResult]:
    found = list(import_klines_objects(platform, open_lake(str(folder)), prefix, EARLIEST))
    for symbol in {one.symbol for one in found if one.symbol}:
        days = {day for one in found if one.symbol == symbol for day in one.days}
        assert [o.error for o in load_imported_days(platform, symbol, days) if o.error] == []
    return found


@pytest.mark.parametrize(
    "key",
    [
        f"{DAY}/BTCUSDT_{START}_{START + DAY_MS}.json",
        f"BTCUSDT/{DAY}.json",
        f"klines/btcusdt/1m/{DAY}.json",
        f"ETHUSDT/BTCUSDT-1m-{DAY}.json",
        f"{DAY}/BTCUSDT_klines_{START}-{START + DAY_MS - MINUTE_MS}_rest.json",
    ],
)
def test_every_layout_with_the_symbol_in_the_key_is_imported(
    key: str, platform: PipelineContext, tmp_path: Path
) -> None:
    write(tmp_path / "old", key, rows_of(platform, START, 1440))
    (one,) = take(platform, tmp_path / "old")
    assert (one.symbol, one.days, one.rows, one.refused) == ("BTCUSDT", (DAY,), 1440, None)
    (item,) = platform.warehouse.lake_objects.list_in_window(
        "BTCUSDT", ObjectKind.KLINES, Window.of_day(DAY)
    )
    assert item.source is Source.IMPORT
    assert item.key.endswith("_import.json")
    assert item.loaded_at is not None
    found = verify_symbol(platform, "BTCUSDT", Window.of_day(DAY))
    assert (found.passed, found.compared, found.minutes) == (True, 25, 1440)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("币安人生USDT-1m-2025-03-04.json", "币安人生USDT"),
        ("klines/币安人生usdt/2025.json", "币安人生USDT"),
        ("2025-03-04/币安人生USDT_klines_1-2_rest.json", "币安人生USDT"),
        ("A-B.C_1m.json", "A-B.C"),
        ("A-B-1m.json", "B"),
        ("e\u0301usdt.json", "\u00c9USDT"),
    ],
)
def test_symbols_in_any_script_are_found_in_keys(key: str, named: str) -> None:
    assert (
        find_symbol_in_key(key, {"币安人生USDT", "B", "A-B.C", "\u00c9USDT", "人生USDT"}) == named
    )


@pytest.mark.parametrize("key", ["币安人生USDT-1m.json", "ÄBTCUSDT.json", "BTCUSDT币.json"])
def test_a_part_of_another_name_is_not_a_symbol(key: str) -> None:
    with pytest.raises(ForeignFormatError, match="contains no tracked symbol"):
        find_symbol_in_key(key, {"人生USDT", "USDT", "BTCUSDT"})


def test_no_key_matches_without_tracked_symbols() -> None:
    with pytest.raises(ForeignFormatError, match="contains no tracked symbol"):
        find_symbol_in_key("BTCUSDT.json", set())


def test_objects_that_cross_midnight_are_split(platform: PipelineContext, tmp_path: Path) -> None:
    write(tmp_path / "old", "BTCUSDT/batch.json", rows_of(platform, START + 12 * HOUR_MS, 1440))
    (one,) = take(platform, tmp_path / "old")
    assert one.days == (DAY, date(2025, 3, 5))
    assert len(list(platform.raw_lake.list_entries())) == 2
    assert len(open_times(platform)) == 1440


def test_days_between_two_imported_ones_are_not_gaps(
    platform: PipelineContext, tmp_path: Path
) -> None:
    for start in (START - 3 * DAY_MS, START):
        write(tmp_path / "old", f"BTCUSDT/{start}.json", rows_of(platform, start, 1440))
    take(platform, tmp_path / "old")
    assert platform.warehouse.gap_ledger.list_gaps() == []


def test_only_rows_that_were_final_when_the_object_was_written_are_imported(
    platform: PipelineContext, tmp_path: Path
) -> None:
    """Two objects with the same ten minutes, written in the middle of them and after them."""
    platform = replace(platform, settle_ms=5_000)
    rows = rows_of(platform, START, 10)
    fifth = START + 5 * MINUTE_MS + 5_000  # the fifth has closed, and has settled to the ms
    write(tmp_path / "old", "BTCUSDT/early.json", rows, fifth - 1)
    (one,) = take(platform, tmp_path / "old")
    assert (one.rows, one.early) == (4, 6)
    write(tmp_path / "old", "BTCUSDT/early.json", rows, fifth)
    (one,) = take(platform, tmp_path / "old")
    assert (one.rows, one.early) == (5, 5)
    assert open_times(platform) == [START + n * MINUTE_MS for n in range(5)]


def test_the_exchanges_later_values_count_and_are_recorded(
    platform: PipelineContext, tmp_path: Path
) -> None:
    rows = rows_of(platform, START, 60)
    wrong = [[*row[:4], str(row[2]), *row[5:]] for row in rows[:2]]
    write(tmp_path / "old", "BTCUSDT/a.json", [*wrong, *rows[2:]], START + DAY_MS)
    take(platform, tmp_path / "old")
    run_ingest(platform, "BTCUSDT", first=DAY, last=DAY)
    assert verify_symbol(platform, "BTCUSDT", Window.of_day(DAY)).passed
    sides = {
        (r.old_source, r.new_source) for r in platform.warehouse.revisions.list_revisions("BTCUSDT")
    }
    assert sides == {("import", "archive")}
    take(platform, tmp_path / "old")
    assert verify_symbol(platform, "BTCUSDT", Window.of_day(DAY)).passed, (
        "importing again changes nothing"
    )


def test_objects_and_rows_that_are_not_imported_have_a_reason(
    platform: PipelineContext, tmp_path: Path
) -> None:
    rows, folder = rows_of(platform, START, 3), tmp_path / "old"
    write(folder, "BTCUSDT/good.json", rows)
    write(folder, "BTCUSDT/hours.json", rows_of(platform, START, 3, Interval.H1))
    write(folder, "BTCUSDT/half.json", [*rows[:2], rows[2][:11], [*rows[2][:4], 1.5, *rows[2][5:]]])
    write(folder, "BTCUSDT/book.json", {"lastUpdateId": 1, "bids": [], "asks": []})
    write(folder, "BTCUSDT/torn.json", b"[[17356")
    write(folder, "BTCUSDT/table.parquet", b"PAR1")
    write(folder, "LTCUSDT/good.json", rows)
    write(folder, "BTCUSDT_ETHUSDT.json", rows)
    found = {one.key: one for one in take(platform, folder)}
    reasons = {key: one.refused for key, one in found.items()}
    assert reasons.pop("BTCUSDT/good.json") is None
    assert reasons == {
        "BTCUSDT/hours.json": "3 rows: a row is not a one-minute candle",
        "BTCUSDT/half.json": "2 rows: a row has 11 fields, not 12",
        "BTCUSDT/book.json": "it is not an array of kline rows",
        "BTCUSDT/torn.json": reasons["BTCUSDT/torn.json"],
        "BTCUSDT/table.parquet": "its name does not end in .json",
        "LTCUSDT/good.json": "its key contains no tracked symbol",
        "BTCUSDT_ETHUSDT.json": "its key contains BTCUSDT and ETHUSDT",
    }
    assert "not JSON" in str(reasons["BTCUSDT/torn.json"])
    assert found["BTCUSDT/half.json"].rows == 2
    assert open_times(platform) == [START + n * MINUTE_MS for n in range(3)]


def test_rows_before_the_start_are_left_out(platform: PipelineContext, tmp_path: Path) -> None:
    start = Window.of_day(EARLIEST).start_ms
    write(tmp_path / "old", "BTCUSDT/a.json", rows_of(platform, start - 5 * MINUTE_MS, 8))
    (one,) = take(platform, tmp_path / "old")
    assert (one.rows, one.old, one.days) == (3, 5, (EARLIEST,))


def test_importing_again_changes_nothing(platform: PipelineContext, tmp_path: Path) -> None:
    write(tmp_path / "old", "BTCUSDT/a.json", rows_of(platform, START, 60))
    take(platform, tmp_path / "old")
    keys, times = [entry.key for entry in platform.raw_lake.list_entries()], open_times(platform)
    take(platform, tmp_path / "old")
    assert [entry.key for entry in platform.raw_lake.list_entries()] == keys
    assert open_times(platform) == times


def test_the_open_candle_of_an_old_collector_stays_out(
    platform: PipelineContext, tmp_path: Path
) -> None:
    """The collector wrote the exchange's response at once, including the open candle."""
    rows = rows_of(platform, TODAY_MS + 11 * HOUR_MS, 61)
    assert int(rows[-1][0]) == TODAY_MS + 12 * HOUR_MS
    write(tmp_path / "old", f"{TODAY}/BTCUSDT.json", rows, NOON)
    (one,) = take(platform, tmp_path / "old")
    assert (one.rows, one.early) == (60, 1)


def test_objects_under_an_s3_prefix_are_imported(
    platform: PipelineContext, s3_server: S3Server
) -> None:
    options = S3Options(s3_server.endpoint, s3_server.access_key, s3_server.secret_key)
    store = open_lake(f"s3://{s3_server.bucket_name()}", options)
    store.create_storage()
    for key in (f"old/{DAY}/BTCUSDT_1_2.json", f"other/{DAY}/BTCUSDT_1_2.json"):
        body = orjson.dumps(rows_of(platform, START, 30))
        store.put(key, body, fetched_at=now_ms(), source=Source.REST, rows=30)
    (one,) = import_klines_objects(replace(platform), store, "old/", EARLIEST)
    assert (one.key, one.rows) == (f"old/{DAY}/BTCUSDT_1_2.json", 30)


class ListsMore(DirectoryLake):
    """Lists, as S3 may, a key that no directory can hold and one whose object is gone."""

    def list_entries(self, prefix: str = "", after: str = "") -> Iterator[LakeEntry]:
        yield from (LakeEntry(key, 2, 0) for key in ("old//BTCUSDT_1.json", "old/BTCUSDT_2.json"))
        yield from super().list_entries(prefix)


def test_listed_objects_that_cannot_be_read_are_reported_and_do_not_stop_others(
    platform: PipelineContext, tmp_path: Path
) -> None:
    write(tmp_path / "old", "BTCUSDT_3.json", rows_of(platform, START, 30))
    unnamed, gone, taken = import_klines_objects(
        platform, ListsMore(tmp_path / "old"), "", EARLIEST
    )
    assert "is not a valid object key" in str(unnamed.refused)
    assert "has no object old/BTCUSDT_2.json" in str(gone.refused)
    assert (taken.key, taken.rows, taken.refused) == ("BTCUSDT_3.json", 30, None)


@pytest.mark.parametrize(
    ("key", "symbol"),
    [
        ("2025-03-04/BTCUSDT_1_2.json", "BTCUSDT"),
        ("btceur/2025-03-04.json", "BTCEUR"),
        ("BTCUSDT/ETHUSDT_2025.json", "ETHUSDT"),
        ("data/BTCUSDT-1m-2025-03-04.json", "BTCUSDT"),
    ],
)
def test_the_symbol_is_found_in_the_key(key: str, symbol: str) -> None:
    assert find_symbol_in_key(key, KNOWN) == symbol


@pytest.mark.parametrize("key", ["BTCUSDTX/1.json", "1m/2025.json", "BTCUSDT-BTCEUR.json"])
def test_a_key_without_one_symbol_is_refused(key: str) -> None:
    with pytest.raises(ForeignFormatError):
        find_symbol_in_key(key, KNOWN)


def test_microseconds_and_numbers_as_text_are_parsed_row_by_row() -> None:
    head: KlineRow = [START, "1", "1", "1", "1", "0", START + MINUTE_MS - 1, "0", 0, "0", "0", "0"]
    micro = [(START + MINUTE_MS) * 1000, *head[1:6], (START + 2 * MINUTE_MS) * 1000 - 1, *head[7:]]
    text = [str(START + 2 * MINUTE_MS), *head[1:6], str(START + 3 * MINUTE_MS - 1), *head[7:]]
    found = parse_foreign_rows(orjson.dumps([text, micro, head, head]), START + DAY_MS, 5_000)
    rows = [orjson.loads(row) for row in found.rows]
    assert [row[0] for row in rows] == [START + n * MINUTE_MS for n in range(3)]
    assert [row[6] % MINUTE_MS for row in rows] == [MINUTE_MS - 1] * 3


def rows_every(start: int, count: int, step_ms: int, length_ms: int) -> list[KlineRow]:
    """Rows that open `step_ms` apart and close `length_ms` after they opened."""
    return [
        [at, "1", "1", "1", "1", "0", at + length_ms, "0", 0, "0", "0", "0"]
        for at in range(start, start + count * step_ms, step_ms)
    ]


def test_a_minute_that_closes_late_is_imported_as_it_is_ingested(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """The exchange has minutes that close at the start of the next one, or a second later."""
    rows = rows_every(START, 60, MINUTE_MS, MINUTE_MS - 1)
    rows[39][6] = int(rows[39][6]) + 1_001
    rows[58][6] = int(rows[58][6]) + 1
    lines = [",".join(CANDLE_COLUMNS), *(",".join(map(str, row[:11])) for row in rows)]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "BTCUSDT-1m.csv").write_text("\n".join(lines) + "\n")
    server = simulated_exchange(now=NOON, data=tmp_path / "data")
    served, imported = build_platform(server), build_platform(server)
    run_ingest(served, "BTCUSDT", first=DAY, last=DAY)
    write(tmp_path / "old", "BTCUSDT/a.json", rows)
    (one,) = take(imported, tmp_path / "old")
    assert (one.rows, one.refused) == (60, None)
    stored = [
        each.warehouse.facts.read_candles("BTCUSDT", Window.of_day(DAY))
        for each in (served, imported)
    ]
    assert stored[0].num_rows == 60
    assert stored[0].equals(stored[1])


@pytest.mark.parametrize(
    "rows",
    [
        rows_every(START, 12, 5 * MINUTE_MS, 5 * MINUTE_MS - 1),
        rows_every(START, 12, 3 * MINUTE_MS, 3 * MINUTE_MS - 1),
        rows_every(START, 12, HOUR_MS, HOUR_MS - 1),
        # An outage cut one of them short.
        [
            *rows_every(START, 11, 5 * MINUTE_MS, 5 * MINUTE_MS - 1),
            *rows_every(START + 55 * MINUTE_MS, 1, MINUTE_MS, 59_000),
        ],
        rows_every(START, 300, 1_000, 999),
    ],
    ids=["5m", "3m", "1h", "5m cut short", "1s"],
)
def test_candles_of_another_interval_are_all_refused(rows: list[KlineRow]) -> None:
    found = parse_foreign_rows(orjson.dumps(rows), START + 2 * DAY_MS, 5_000)
    assert (found.rows, found.refused) == ([], len(rows))
    assert found.flaw == "a row is not a one-minute candle"


def test_only_the_row_that_closes_two_minutes_late_is_refused() -> None:
    rows = rows_every(START, 10, MINUTE_MS, MINUTE_MS - 1)
    rows[4][6] = int(rows[4][6]) + MINUTE_MS
    rows[5][6] = int(rows[5][6]) + MINUTE_MS + 1
    found = parse_foreign_rows(orjson.dumps(rows), START + DAY_MS, 5_000)
    assert (len(found.rows), found.refused) == (9, 1)


def test_odd_numbers_in_a_row_refuse_the_row_only(
    platform: PipelineContext, tmp_path: Path
) -> None:
    """Arrow takes a price of a million digits for -1, so its length is checked before."""
    good = rows_every(START, 30, MINUTE_MS, MINUTE_MS - 1)
    price = ["9" * 100_000, "1e999999999", "NaN", "Infinity", "-1", "0"]
    odd: list[KlineRow] = [
        [START + (40 + at) * MINUTE_MS, text, text, text, text, "0", *good[0][6:]]
        for at, text in enumerate(price)
    ]
    for row in odd:
        row[6] = int(row[0]) + MINUTE_MS - 1
    times: list[KlineRow] = [
        [text, *good[0][1:]] for text in ("9" * 5000, "9" * 20, 2**63, -(10**18), 10**18, "\u0968x")
    ]
    write(tmp_path / "old", "BTCUSDT/a.json", [*good, *odd, *times])
    (one,) = take(platform, tmp_path / "old")
    assert (one.rows, one.days) == (36, (DAY,))
    assert one.refused is not None and one.refused.startswith("6 rows: '9999")
    assert len(one.refused) < 150
    assert len(open_times(platform)) == 30
    reasons = platform.warehouse.quarantine.count_by_reason("BTCUSDT", 0)
    assert reasons["unreadable: a number has 100000 characters"] == 1
    assert reasons["a price is not positive"] == 2  # -1 and 0
    assert sum(reasons.values()) == len(price)


def test_a_large_object_is_parsed_in_batches() -> None:
    """The same rows come out as from a small object; white space and order do not matter."""
    rows = rows_every(START, 20_000, MINUTE_MS, MINUTE_MS - 1)
    shuffled = [*rows[10_000:], *rows[:10_000], rows[5]]
    body = b" " + orjson.dumps(shuffled).replace(b"],[", b"] ,\n [") + b"\n"
    assert len(body) > 1 << 20
    found = parse_foreign_rows(body, START + 30 * DAY_MS, 5_000)
    assert [orjson.loads(row) for row in found.rows] == rows
    assert found.refused == found.early == 0
    assert found.select_window(Window.of_day(DAY)).decode_rows() == rows[:1440]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * (2 << 20),
        b"[" + b"[]," * (1 << 20) + b"[]",
        b"[" + b"1," * (2 << 20) + b"1]",
        b"[[" + b"1," * (2 << 20) + b"1]]",
        b"[" + b"{}," * (1 << 20) + b"{}]",
        b"x[" + b"[1]," * (1 << 20) + b"[1]]",
        b"[" + b"[1]," * (1 << 20) + b"[1]]x",
        b'"' + b"x" * (2 << 20) + b'"',
        b"\xff" * (2 << 20),
        b" " * (2 << 20),
    ],
    ids=range(10),
)
def test_a_large_object_that_is_not_rows_is_refused_within_bounds(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ForeignFormatError, match="it is not"):
            parse_foreign_rows(body, START, 5_000)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_an_object_over_the_limit_is_not_read(platform: PipelineContext, tmp_path: Path) -> None:
    path = tmp_path / "old" / "BTCUSDT.json"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    write(tmp_path / "old", "BTCUSDT_2.json", rows_of(platform, START, 30))
    found = {one.key: one for one in take(platform, tmp_path / "old")}
    assert found["BTCUSDT_2.json"].rows == 30
    refused = found["BTCUSDT.json"].refused
    assert refused is not None and "it has 64 MB, more than 64: split it" in refused


def test_pipes_devices_and_loops_do_not_stop_an_import(
    platform: PipelineContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "old"
    write(folder, "BTCUSDT_1.json", rows_of(platform, START, 30))
    os.mkfifo(folder / "BTCUSDT_2.json")
    (folder / "BTCUSDT_3.json").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (one,) = take(platform, folder)
    assert (one.key, one.rows) == ("BTCUSDT_1.json", 30)
    for name in ("BTCUSDT_2.json", "BTCUSDT_3.json", "loop"):
        assert f"skipped {folder / name}" in caplog.text
