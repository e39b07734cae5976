"""What grows old goes, what is needed stays, and the next run mends a kill anywhere."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from crypto_assets.lake import describe
from crypto_assets.lake.directory import DirectoryLake
from crypto_assets.market.clock import DAY_MS, HOUR_MS, MINUTE_MS, Window, day_start_ms, now_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.pipeline.fact_klines import load_klines
from crypto_assets.pipeline.ingest import bring_symbols
from crypto_assets.pipeline.keep import Keep
from crypto_assets.pipeline.lake_retention import Tally, move
from crypto_assets.pipeline.order_books import bring_books
from crypto_assets.pipeline.outcome import BookStage, Stage
from crypto_assets.pipeline.platform import Platform
from crypto_assets.pipeline.retention import Retired, retain
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, bring, open_times
from crypto_assets_tests.services.exchange import NOON, StartExchange

FIRST, SECOND = date(2025, 3, 4), date(2025, 3, 5)
START = day_start_ms(FIRST)
BOTH = Window.of_days(FIRST, SECOND)
NEVER = Keep(raw_days=9999, archive_days=9999, minute_days=0, order_book_days=9999)


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


class KilledBefore(DirectoryLake):
    def delete(self, keys: Iterable[str]) -> None:
        raise Killed


class KilledAfter(DirectoryLake):
    def delete(self, keys: Iterable[str]) -> None:
        super().delete(keys)
        raise Killed


class FetchedAnew(DirectoryLake):
    """Another run puts a later fetch as soon as the object is gone."""

    anew: Callable[[], None]

    def delete(self, keys: Iterable[str]) -> None:
        super().delete(keys)
        self.anew()


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> Platform:
    """Two whole days of one symbol, loaded a moment ago; nothing grows old by itself."""
    platform = replace(build_platform(simulated_exchange(now=NOON)), keep=NEVER)
    bring(platform, first=FIRST, last=SECOND)
    return platform


def in_days(days: float, platform: Platform, **keep: Any) -> Retired:
    """Retention as it runs some days from now."""
    chosen = replace(platform, keep=replace(NEVER, **keep))
    return retain(chosen, at_ms=now_ms() + round(days * DAY_MS))


def manifest(platform: Platform) -> list[LakeObject]:
    return platform.warehouse.objects.of_window("BTCUSDT", ObjectKind.KLINES, BOTH)


def keys(platform: Platform) -> tuple[list[str], list[str]]:
    """What really lies in the raw and the archive lake."""
    raw, archive = platform.raw.entries(), platform.archive.entries()
    return [entry.key for entry in raw], [entry.key for entry in archive]


def test_objects_move_when_old_by_fetch_and_go_when_older(platform: Platform) -> None:
    held, _ = keys(platform)
    assert len(held) == 2
    assert in_days(6.9, platform, raw_days=7).lake.moved == Tally()
    moved = in_days(7.1, platform, raw_days=7).lake.moved
    assert moved == Tally(2, sum(item.size_bytes for item in manifest(platform)))
    assert keys(platform) == ([], held)
    assert {item.bucket for item in manifest(platform)} == {platform.archive.bucket}
    assert in_days(29.9, platform, raw_days=7, archive_days=30).lake.deleted == Tally()
    assert in_days(30.1, platform, raw_days=7, archive_days=30).lake.deleted == moved
    assert keys(platform) == ([], [])
    assert manifest(platform) == []
    assert len(open_times(platform)) == 2 * 1440


def test_what_is_not_loaded_stays(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = replace(build_platform(simulated_exchange(now=NOON)), keep=NEVER)
    list(bring_symbols(platform, {"BTCUSDT": BOTH}, {Stage.RAW}))
    held, _ = keys(platform)
    limits = {"raw_days": 1, "archive_days": 2, "lake_max_gb": 1e-9, "minute_days": 1}
    assert in_days(100, platform, **limits).lake.moved == Tally()
    assert keys(platform) == (held, [])


def test_an_object_fetched_anew_but_not_yet_recorded_stays(platform: Platform) -> None:
    """It was put, and the run was killed before its manifest row and its load."""
    item = manifest(platform)[0]
    body = platform.raw.get(item.key).replace(b'"', b' "', 1)
    platform.raw.put(
        item.key, body, fetched_at=item.fetched_at + 1, source=item.source, rows=item.rows
    )
    retired = in_days(10, platform, raw_days=7)
    assert (retired.lake.moved.objects, retired.lake.left.objects) == (1, 1)
    in_days(100, platform, raw_days=7, archive_days=30, lake_max_gb=1e-9)
    assert platform.raw.get(item.key) == body


def test_an_object_fetched_anew_while_it_moves_is_no_moved_one(platform: Platform) -> None:
    """The manifest says of the later fetch that it lies in the raw lake, and is to be loaded."""
    old = manifest(platform)[0]
    body = platform.raw.get(old.key).replace(b'"', b' "', 1)
    anew = describe(platform.raw.bucket, old.key, body, old.fetched_at + 1)

    def fetch_anew() -> None:
        platform.raw.put(
            old.key, body, fetched_at=anew.fetched_at, source=old.source, rows=old.rows
        )
        platform.warehouse.objects.record([anew])

    assert isinstance(platform.raw, DirectoryLake)
    raw = FetchedAnew(platform.raw.directory)
    raw.anew = fetch_anew
    assert not move(replace(platform, raw=raw), old)
    assert anew in manifest(platform)
    assert (platform.raw.get(anew.key), old in manifest(platform)) == (body, False)
    load_klines(platform, "BTCUSDT", BOTH)
    assert in_days(10, platform, raw_days=7).lake.left == Tally()
    assert platform.archive.get(anew.key) == body


def test_what_lies_in_the_archive_lake_is_the_objects_own_or_it_has_not_moved(
    platform: Platform,
) -> None:
    """The raw object is gone, and a stranger stands in its place."""
    item = manifest(platform)[0]
    platform.raw.delete([item.key])
    platform.archive.put(item.key, b"[]", fetched_at=item.fetched_at, source=item.source, rows=0)
    assert not move(platform, item)
    assert item in manifest(platform)


@pytest.mark.parametrize("lake", [KilledBefore, KilledAfter])
def test_killed_around_the_deletion(platform: Platform, lake: type[DirectoryLake]) -> None:
    bodies = {item.key: platform.raw.get(item.key) for item in manifest(platform)}
    assert isinstance(platform.raw, DirectoryLake)
    dying = replace(platform, raw=lake(platform.raw.directory))
    with pytest.raises(Killed):
        in_days(10, dying, raw_days=7)
    raw, archive = keys(platform)
    assert {*raw, *archive} == set(bodies), "each object stands somewhere, whole"
    in_days(10, platform, raw_days=7)
    assert keys(platform) == ([], sorted(bodies))
    assert {item.bucket for item in manifest(platform)} == {platform.archive.bucket}
    assert {key: platform.archive.get(key) for key in bodies} == bodies


@pytest.mark.parametrize("lake", [KilledBefore, KilledAfter])
def test_killed_around_the_last_deletion(platform: Platform, lake: type[DirectoryLake]) -> None:
    in_days(10, platform, raw_days=7)
    assert isinstance(platform.archive, DirectoryLake)
    dying = replace(platform, archive=lake(platform.archive.directory))
    with pytest.raises(Killed):
        in_days(40, dying, raw_days=7, archive_days=30)
    assert len(manifest(platform)) == 2, "nothing lies in a lake that no row tells of"
    in_days(40, platform, raw_days=7, archive_days=30)
    assert (keys(platform), manifest(platform)) == (([], []), [])


def test_above_the_size_the_oldest_archived_go(platform: Platform) -> None:
    in_days(10, platform, raw_days=7)
    oldest, newest = sorted(manifest(platform), key=lambda item: (item.fetched_at, item.key))
    room = newest.size_bytes + 10
    limits = {"raw_days": 7, "archive_days": 30, "lake_max_gb": room / 1e9}
    assert in_days(10, platform, **limits).lake.deleted == Tally(1, oldest.size_bytes)
    assert [item.key for item in manifest(platform)] == [newest.key]


def test_minutes_go_hours_and_days_stay_and_nobody_asks_again(platform: Platform) -> None:
    warehouse = platform.warehouse
    periods = [warehouse.aggregates.read("BTCUSDT", i, BOTH) for i in (Interval.H1, Interval.D1)]
    assert in_days(89.9, platform, minute_days=90).minute_rows == 0, "counted from the load"
    assert in_days(90.1, platform, minute_days=90).minute_rows == 2 * 1440
    assert open_times(platform) == []
    before = len(keys(platform)[0])
    outcomes = bring(platform, first=FIRST, last=SECOND)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert "retired" in str(outcomes[0].facts["note"])
    assert open_times(platform) == []
    assert len(keys(platform)[0]) == before
    assert warehouse.gaps.list(closed=True) == []
    after = [warehouse.aggregates.read("BTCUSDT", i, BOTH) for i in (Interval.H1, Interval.D1)]
    assert after == periods
    bring(platform)
    assert min(open_times(platform)) == day_start_ms(TODAY)
    assert warehouse.gaps.list(closed=True) == []


def test_zero_keeps_minutes_for_ever(platform: Platform) -> None:
    assert in_days(5000, platform, minute_days=0).minutes == ()
    assert len(open_times(platform)) == 2 * 1440


def test_a_load_makes_old_minutes_young(platform: Platform) -> None:
    """Rebuilt or imported: fetched long ago, loaded just now."""
    platform.warehouse.objects.mark_unloaded("BTCUSDT", ObjectKind.KLINES, BOTH)
    list(bring_symbols(platform, {"BTCUSDT": BOTH}, set(Stage) - {Stage.RAW}))
    loaded = max(item.loaded_at or 0 for item in manifest(platform))
    fetched = max(item.fetched_at for item in manifest(platform))
    assert loaded > fetched
    chosen = replace(platform, keep=replace(NEVER, minute_days=90))
    assert retain(chosen, at_ms=loaded + 90 * DAY_MS).minute_rows == 0
    assert retain(chosen, at_ms=loaded + 90 * DAY_MS + 1).minute_rows == 2 * 1440


@pytest.mark.parametrize("at", [START, START + 7 * HOUR_MS, START + DAY_MS - MINUTE_MS])
def test_an_unexplained_minute_holds_its_day(platform: Platform, at: int) -> None:
    _delete_minute(platform, at)
    retired = in_days(200, platform, minute_days=90)
    assert retired.minute_rows == 0
    assert "2025-03-04: 1 minutes are missing" in retired.held_up["BTCUSDT"]


def test_an_outage_at_an_edge_holds_nothing(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    midnight = START + DAY_MS
    faults = [
        {"do": "outage", "start": "2025-03-04T23:00:00Z", "end": "2025-03-05T01:00:00Z"},
    ]
    platform = replace(build_platform(simulated_exchange(now=NOON, faults=faults)), keep=NEVER)
    bring(platform, first=FIRST, last=SECOND)
    assert [gap.minutes for gap in platform.warehouse.gaps.list()] == [120]
    assert in_days(200, platform, minute_days=90).minute_rows == 2 * 1440 - 120
    assert midnight not in open_times(platform)
    assert [gap.minutes for gap in platform.warehouse.gaps.list()] == [120]


@pytest.mark.parametrize("missing", [Stage.HOURS, Stage.DAYS])
def test_what_is_not_aggregated_stays(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, missing: Stage
) -> None:
    platform = replace(build_platform(simulated_exchange(now=NOON)), keep=NEVER)
    stages = [stage for stage in Stage if list(Stage).index(stage) < list(Stage).index(missing)]
    list(bring_symbols(platform, {"BTCUSDT": BOTH}, stages))
    retired = in_days(200, platform, minute_days=90)
    assert retired.minute_rows == 0
    assert "hours are not computed" in retired.held_up["BTCUSDT"]
    assert len(open_times(platform)) == 2 * 1440


def test_killed_between_two_days(platform: Platform) -> None:
    hours = platform.warehouse.aggregates.read("BTCUSDT", Interval.H1, BOTH)
    engine = platform.warehouse._database.engine
    seen = 0

    def kill(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        seen += statement.startswith("DELETE FROM fact_klines")
        if seen == 2:
            raise Killed

    event.listen(engine, "before_cursor_execute", kill)
    with pytest.raises(Killed):
        in_days(200, platform, minute_days=90)
    event.remove(engine, "before_cursor_execute", kill)
    assert len(open_times(platform)) == 1440
    assert platform.warehouse.gaps.refresh("BTCUSDT", BOTH).opened == ()
    assert in_days(200, platform, minute_days=90).minute_rows == 1440
    assert platform.warehouse.aggregates.read("BTCUSDT", Interval.H1, BOTH) == hours
    assert platform.warehouse.watermarks.get("BTCUSDT").record_count == 0


def test_a_dry_run_tells_what_a_run_then_does(platform: Platform) -> None:
    bring_books(platform, "BTCUSDT", Window.of_day(TODAY), set(BookStage))
    keep = replace(NEVER, raw_days=7, archive_days=30, minute_days=90, order_book_days=30)
    chosen, at = replace(platform, keep=keep), now_ms() + 200 * DAY_MS
    held = keys(platform)
    told = retain(chosen, dry_run=True, at_ms=at)
    assert keys(platform) == held
    assert len(open_times(platform)) == 2 * 1440
    assert told.order_book_levels == 40
    assert told.lake.deleted.objects == 3
    assert retain(chosen, at_ms=at) == told
    assert keys(platform) == ([], [])
    assert platform.warehouse.order_books.count("BTCUSDT", Window(0, 2**53)) == 1
    assert retain(chosen, at_ms=at).minute_rows == 0


def test_users_settings_win(platform: Platform) -> None:
    platform.warehouse.settings.put("raw_days", 3, who="a test")
    assert in_days(2.9, platform).lake.moved.objects == 0
    assert in_days(3.1, platform).lake.moved.objects == 2


def _delete_minute(platform: Platform, open_time: int) -> None:
    """As if it had never come, and nobody had noticed."""
    statements = (
        "DELETE FROM fact_klines WHERE open_time = :at",
        "UPDATE hourly_klines SET minute_count = minute_count - 1"
        " WHERE open_time = :at - :at % 3600000",
        "UPDATE daily_klines SET minute_count = minute_count - 1"
        " WHERE open_time = :at - :at % 86400000",
    )

    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement), {"at": open_time})

    platform.warehouse._database.write(work)
