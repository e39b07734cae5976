"""Where the exchange contradicts itself, the minutes that give its own hour win, in any order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.errors import LakeUnavailable
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import build_klines_object
from crypto_assets.lake.directory_lake import DirectoryLake
from crypto_assets.market.candles import Candle, rows_from_table, table_from_candles
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_start_ms,
    format_utc,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.import_objects import load_imported_days
from crypto_assets.pipeline.reconciliation.resolve_conflicts import resolve_conflicts
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.warehouse import ConflictKind, GapClass
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.market_files import minute, together, write_candles
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

FIRST = date(2025, 3, 4)
DAY = Window.of_day(FIRST)
HOUR = DAY.start_ms + 10 * HOUR_MS
AT = HOUR + 17 * MINUTE_MS
SYMBOL = "BTCUSDT"
ARCHIVE_DIFFERS = {
    "do": "revise",
    "in": "archive",
    "change": {"volume": "*2", "quote_volume": "*2"},
    "start": format_utc(AT),
    "end": format_utc(AT + MINUTE_MS),
}


class FullDirectory(DirectoryLake):
    """A directory on a disk that is full."""

    def put(self, *_: Any, **__: Any) -> bool:
        raise LakeUnavailable("no space left on device")


def check(platform: PipelineContext, day: date = FIRST) -> VerificationResult:
    return verify_symbol(platform, SYMBOL, Window.of_day(day))


def volume_at(platform: PipelineContext, open_time: int) -> Decimal:
    table = platform.warehouse.facts.read_candles(SYMBOL, Window(open_time, open_time + 1))
    (volume,) = table["volume"].to_pylist()
    return Decimal(volume)


def volume_by_rest(platform: PipelineContext, interval: Interval, open_time: int) -> Decimal:
    rest = platform.exchange.rest
    (page,) = rest.fetch_kline_pages(SYMBOL, interval, Window(open_time, open_time + 1))
    return Decimal(str(page[0][5]))


def put_klines(
    platform: PipelineContext, klines: RawKlines, source: Source, fetched_at: int
) -> None:
    """Put minutes into lake and manifest, not loaded; `fetched_at` in epoch ms."""
    item, body = build_klines_object("raw", SYMBOL, klines, source, fetched_at)
    platform.raw_lake.put(
        item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows
    )
    platform.warehouse.lake_objects.record_objects([item])


def put_minutes(
    platform: PipelineContext, minutes: Sequence[Candle], source: Source, fetched_at: int
) -> None:
    """Put candles as `put_klines` does."""
    rows = rows_from_table(table_from_candles(minutes))
    put_klines(platform, RawKlines.from_rows(rows), source, fetched_at)


def compute(platform: PipelineContext) -> None:
    """Compute the day's stale hours, and the day."""
    platform.warehouse.aggregates.recompute_hours(SYMBOL, DAY, NOON)
    platform.warehouse.aggregates.recompute_days(SYMBOL, DAY, NOON)


def load_archive_alone(platform: PipelineContext) -> None:
    """Load the day's archive file without a comparison of hours, as earlier versions did."""
    klines = platform.exchange.archive.fetch_day(SYMBOL, FIRST)
    put_klines(platform, klines, Source.ARCHIVE, platform.exchange_now())
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3


def test_a_minute_of_rest_wins_if_it_gives_the_exchanges_hour(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, warehouse_url: str
) -> None:
    server = simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=FIRST, last=FIRST)
    theirs = volume_by_rest(platform, Interval.M1, AT)
    assert volume_at(platform, AT) == theirs
    found = check(platform)
    assert (found.passed, found.compared) == (True, 25)
    assert (found.explained, found.conflicts) == ((), ())
    (revision,) = platform.warehouse.revisions.list_revisions(SYMBOL)
    assert (revision.old_source, revision.new_source) == ("archive", "verified")
    assert (revision.old.volume, revision.new.volume) == (2 * theirs, theirs)
    (conflict,) = platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)
    assert (conflict.kind, conflict.open_time) == (ConflictKind.RESOLVED, HOUR)
    assert f"{format_utc(AT)} volume: archive {2 * theirs:f}, rest {theirs:f}" in conflict.evidence


@pytest.mark.parametrize("first", ["rest", "archive"])
def test_the_order_of_fetching_does_not_matter(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, first: str
) -> None:
    """The day is fetched from REST before it closes or not, then twice from the archive."""
    now = DAY.end_ms - MINUTE_MS if first == "rest" else NOON
    server = simulated_exchange(now=now, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server)
    run_ingest(platform, first=FIRST, last=FIRST)
    server.clock.set_time(NOON)
    for _ in range(2):
        run_ingest(platform, first=FIRST, last=FIRST)
        assert volume_at(platform, AT) == volume_by_rest(platform, Interval.M1, AT)
        assert check(platform) == VerificationResult(compared=25, minutes=1440)


def test_a_rebuild_from_the_lake_gives_the_same_minutes(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server)
    run_ingest(platform, first=FIRST, last=FIRST)
    theirs = volume_at(platform, AT)
    empty = build_platform(server)
    other = replace(platform, warehouse=empty.warehouse)
    assert [one.error for one in rebuild_from_lake(other)] == [None]
    assert volume_at(other, AT) == theirs
    assert [one.error for one in rebuild_from_lake(platform, exact=True)] == [None]
    assert check(platform).passed


def test_a_verified_minute_whose_object_is_gone_is_not_a_difference(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, warehouse_url: str
) -> None:
    """The objects have expired, and a backfill has fetched the archive file alone again."""
    server = simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=FIRST, last=FIRST)
    expired = platform.warehouse.lake_objects.list_in_window(SYMBOL, ObjectKind.KLINES, DAY)
    platform.raw_lake.delete([item.key for item in expired])
    platform.warehouse.lake_objects.forget_objects(expired)
    run_ingest(platform, first=FIRST, last=FIRST)
    assert [one.error for one in rebuild_from_lake(platform)] == [None]
    assert volume_at(platform, AT) == volume_by_rest(platform, Interval.M1, AT)
    assert check(platform) == VerificationResult(compared=25, minutes=1440)
    other = f"WHERE symbol_id = {{symbol}} AND open_time = {AT + HOUR_MS}"
    tamper(platform, f"UPDATE fact_klines SET volume = volume + 1 {other}")
    assert AT + HOUR_MS in {one.open_time for one in check(platform).differences}


def test_verified_minutes_that_the_lake_has_lost_are_stored_again(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The commands that verify suggests do it: a backfill, then a rebuild."""
    server = simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server)
    run_ingest(platform, first=FIRST, last=FIRST)
    theirs, recorded = (
        volume_at(platform, AT),
        platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL),
    )
    (key,) = [entry.key for entry in platform.raw_lake.list_entries() if "verified" in entry.key]
    platform.raw_lake.delete([key])
    assert check(platform).lost == (key,)
    run_ingest(platform, first=FIRST, last=FIRST)
    assert check(platform).passed
    assert platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL) == recorded
    other = replace(platform, warehouse=build_platform(server).warehouse)
    assert [one.error for one in rebuild_from_lake(other)] == [None]
    assert volume_at(other, AT) == theirs


def test_a_conflict_of_an_earlier_version_is_listed_and_a_backfill_resolves_it(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, warehouse_url: str
) -> None:
    server = simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server, warehouse_url=warehouse_url)
    load_archive_alone(platform)
    found = check(platform)
    assert {(one.interval, one.open_time) for one in found.differences} == {
        (Interval.H1, HOUR),
        (Interval.D1, DAY.start_ms),
    }
    assert found.conflicts == ()
    run_ingest(platform, first=FIRST, last=FIRST)
    assert check(platform).passed
    assert volume_at(platform, AT) == volume_by_rest(platform, Interval.M1, AT)


def market(
    folder: Path,
    *,
    hour_volume: int = 0,
    rest: dict[int, Candle] | None = None,
    without: int | None = None,
) -> tuple[Path, list[Candle]]:
    """Write a day of minutes with its hours and its day; returns the folder and the minutes.

    The minute `without` is in no file, and no hour is made with it. The eleventh hour has
    `hour_volume` more than its minutes. `rest` replaces minutes of the file, not of what is
    returned, nor of the hours.
    """
    minutes = [minute(DAY.start_ms + n * MINUTE_MS, 100 + n % 7) for n in range(1440)]
    there = [row for row in minutes if row.open_time != without]
    hours = [
        together(
            [row for row in there if row.open_time in Window(at, at + HOUR_MS)],
            at,
            at + HOUR_MS - 1,
        )
        for at in range(DAY.start_ms, DAY.end_ms, HOUR_MS)
    ]
    hours[10] = replace(hours[10], volume=hours[10].volume + hour_volume)
    day = together(hours, DAY.start_ms, DAY.end_ms - 1)
    shown = [(rest or {}).get(row.open_time, row) for row in there]
    # A minute on the next day, so that the market goes on.
    after = minute(DAY.end_ms, 100)
    write_candles(folder, SYMBOL, "1m", [*shown, after])
    write_candles(
        folder, SYMBOL, "1h", [*hours, together([after], DAY.end_ms, DAY.end_ms + 59_999)]
    )
    write_candles(folder, SYMBOL, "1d", [day])
    return folder, minutes


def serve(platform: PipelineContext, server: ExchangeServer) -> PipelineContext:
    """Return the same warehouse and lakes with another exchange."""
    return replace(platform, exchange=open_exchange(server.url, server.archive_url))


def test_an_hour_that_no_minutes_give_is_listed_without_a_difference(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    wrong, _ = market(tmp_path / "wrong", hour_volume=1)
    server = simulated_exchange(now=NOON, data=wrong)
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=FIRST, last=FIRST)
    first = check(platform)
    assert (first.passed, first.compared, first.differences) == (True, 25, ())
    assert [(one.interval, one.open_time, one.kind) for one in first.conflicts] == [
        (Interval.H1, HOUR, ConflictKind.CONTRADICTION),
        (Interval.D1, DAY.start_ms, ConflictKind.CONTRADICTION),
    ]
    assert "volume: the stored minutes give 120" in first.conflicts[0].evidence
    assert "the exchange has 121" in first.conflicts[0].evidence
    assert "volume: REST's minutes give 120" in first.conflicts[0].evidence
    recorded = platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)
    assert len(recorded) == 2
    assert check(platform) == first
    assert platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL) == recorded
    right, _ = market(tmp_path / "right")
    corrected = serve(platform, simulated_exchange(now=NOON, data=right))
    assert check(corrected).conflicts == ()
    assert platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL) == []


def test_a_day_is_listed_if_no_minutes_give_one_of_its_hours(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """A backfill resolves only hours, so no command could change the day."""
    folder, minutes = market(tmp_path / "data", hour_volume=1)
    write_candles(folder, SYMBOL, "1d", [together(minutes, DAY.start_ms, DAY.end_ms - 1)])
    server = simulated_exchange(now=NOON, data=folder, faults=[ARCHIVE_DIFFERS])
    platform = build_platform(server)
    run_ingest(platform, first=FIRST, last=FIRST)
    found = check(platform)
    assert found.differences == ()
    assert [(one.interval, one.kind) for one in found.conflicts] == [
        (Interval.H1, ConflictKind.CONTRADICTION),
        (Interval.D1, ConflictKind.CONTRADICTION),
    ]


def test_a_wrong_stored_hour_is_a_difference_beside_a_contradiction(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    wrong, _ = market(tmp_path / "wrong", hour_volume=1)
    platform = build_platform(simulated_exchange(now=NOON, data=wrong))
    run_ingest(platform, first=FIRST, last=FIRST)
    where = f"WHERE symbol_id = {{symbol}} AND open_time = {HOUR}"
    tamper(platform, f"UPDATE hourly_klines SET volume = volume + 5 {where}")
    assert {one.interval for one in check(platform).differences} == {Interval.H1, Interval.D1}
    assert not check(platform).passed


def test_a_minute_of_the_archive_wins_if_it_gives_the_exchanges_hour(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """REST's minute was fetched last, but the exchange built its hour from the archive's."""
    folder, minutes = market(tmp_path / "data", rest={AT: minute(AT, 90, 8)})
    platform = build_platform(simulated_exchange(now=NOON, data=folder))
    for source, rows, later in (
        (Source.ARCHIVE, minutes, 0),
        (Source.REST, [minute(AT, 90, 8)], 1),
    ):
        put_minutes(platform, rows, source, NOON + later)
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3
    assert volume_at(platform, AT) == 8
    assert {one.open_time for one in check(platform).differences} == {HOUR, DAY.start_ms}
    (conflict,) = resolve_conflicts(platform, SYMBOL, DAY, NOON)
    compute(platform)
    assert volume_at(platform, AT) == 2
    assert "volume: rest 8.00000000, archive 2.00000000" in conflict.evidence
    assert check(platform).passed


# As in February 2018: after an outage the exchange opened minutes and hours off the grid.
OFF_DAY = date(2018, 2, 9)
OFF_START = day_start_ms(OFF_DAY)
SHIFT = 28 * MINUTE_MS + 14_789


def off_grid_market(folder: Path, *, changed_volume: int = 0) -> Path:
    """Write hours on the grid, an outage, nine off it, one cut short, then the grid again."""
    grid = [minute(OFF_START + n * MINUTE_MS, 100 + n % 7) for n in range(9 * 60 + 20)]
    start = OFF_START + 10 * HOUR_MS + SHIFT
    shifted = [minute(start + n * MINUTE_MS, 110 + n % 5) for n in range(9 * 60 + 31)]
    again = OFF_START + 20 * HOUR_MS
    later = [minute(again + n * MINUTE_MS, 120 + n % 3) for n in range(4 * 60)]
    hours = [
        together(grid[n * 60 :][:60], at := OFF_START + n * HOUR_MS, at + HOUR_MS - 1)
        for n in range(10)
    ]
    hours += [
        together(shifted[n * 60 :][:60], at := start + n * HOUR_MS, at + HOUR_MS - 1)
        for n in range(9)
    ]
    hours[14] = replace(hours[14], volume=hours[14].volume + changed_volume)
    hours.append(together(shifted[540:], start + 9 * HOUR_MS, again + 999))
    hours += [
        together(later[n * 60 :][:60], at := again + n * HOUR_MS, at + HOUR_MS - 1)
        for n in range(4)
    ]
    minutes = [*grid, *shifted, *later]
    write_candles(folder, SYMBOL, "1m", [*minutes, minute(OFF_START + DAY_MS, 100)])
    write_candles(folder, SYMBOL, "1h", hours)
    day = together(minutes, OFF_START, OFF_START + DAY_MS - 1)
    return write_candles(folder, SYMBOL, "1d", [day])


def off_grid_platform(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, folder: Path, url: str = ""
) -> PipelineContext:
    server = simulated_exchange(now=OFF_START + 9 * DAY_MS, data=folder)
    platform = build_platform(server, warehouse_url=url)
    run_ingest(platform, first=OFF_DAY, last=OFF_DAY)
    return platform


@pytest.mark.parametrize("archive_first", [True, False])
def test_a_minute_that_the_exchanges_hour_lacks_is_quarantined(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
    archive_first: bool,
) -> None:
    folder, minutes = market(tmp_path / "data", without=AT)
    platform = build_platform(
        simulated_exchange(now=NOON, data=folder), warehouse_url=warehouse_url
    )
    if not archive_first:
        run_ingest(platform, first=FIRST, last=FIRST)
    later = 60_000 * (not archive_first)
    put_minutes(platform, minutes, Source.ARCHIVE, now_ms() + later)
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3
    if archive_first:
        assert volume_at(platform, AT) == 2
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3
    resolve_conflicts(platform, SYMBOL, DAY, NOON)
    compute(platform)
    assert platform.warehouse.facts.read_candles(SYMBOL, DAY).num_rows == 1439
    found = check(platform)
    assert (found.passed, found.conflicts) == (True, ())
    assert [one.error for one in rebuild_from_lake(platform, exact=True)] == [None]
    assert platform.warehouse.facts.read_candles(SYMBOL, DAY).num_rows == 1439
    if archive_first:
        reasons = {one.reason for one in platform.warehouse.quarantine.list_records(SYMBOL)}
        assert reasons == {"the exchange's own hour is made without this minute"}


def test_a_minute_that_only_rest_has_in_a_verified_hour_is_classed_refused(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    """The archive lacks it, and the archive's minutes give the exchange's hour."""
    folder, minutes = market(tmp_path / "data", without=AT)
    write_candles(folder, SYMBOL, "1m", [*minutes, minute(DAY.end_ms, 100)])
    late = {"do": "archive", "how": "missing", "day": str(FIRST)}
    server = simulated_exchange(now=NOON, data=folder, faults=[late])
    platform = build_platform(server, warehouse_url=warehouse_url)
    rows = [row for row in minutes if row.open_time != AT]
    put_minutes(platform, rows, Source.ARCHIVE, now_ms())
    run_ingest(platform, first=FIRST, last=FIRST)
    (gap,) = platform.warehouse.gap_ledger.list_gaps(SYMBOL)
    assert (gap.start, gap.minutes, gap.gap_class) == (AT, 1, GapClass.REFUSED)
    assert "the exchange's own hour is made without this minute" in gap.evidence
    assert check(platform).passed


def test_a_minute_without_trades_stays_in_a_verified_hour(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    """The hour is equal with it, and another minute of the archive is wrong."""
    folder, minutes = market(tmp_path / "data", without=AT)
    platform = build_platform(
        simulated_exchange(now=NOON, data=folder), warehouse_url=warehouse_url
    )
    quiet = replace(minute(AT, 100, 0), high=Decimal(100), low=Decimal(100))
    wrong = minute(AT + MINUTE_MS, 100, 9)
    changed = {row.open_time: row for row in (quiet, wrong)}
    rows = [changed.get(row.open_time, row) for row in minutes]
    put_minutes(platform, rows, Source.ARCHIVE, now_ms())
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3
    assert len(resolve_conflicts(platform, SYMBOL, DAY, NOON)) == 1
    compute(platform)
    assert [volume_at(platform, at) for at in (AT, AT + MINUTE_MS)] == [0, 2]
    assert check(platform).passed


def test_a_verified_minute_that_the_exchange_withdraws_is_listed_without_a_difference(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    """The verified minute stays; a backfill could not remove it and is not suggested."""
    folder, minutes = market(tmp_path / "data")
    platform = build_platform(simulated_exchange(now=NOON, data=folder))
    run_ingest(platform, first=FIRST, last=FIRST)
    own = [row for row in minutes if row.open_time in Window(HOUR, HOUR + HOUR_MS)]
    put_minutes(platform, own, Source.VERIFIED, now_ms())
    assert [one.error for one in load_imported_days(platform, SYMBOL, [FIRST])] == [None] * 3
    withdrawn, _ = market(tmp_path / "withdrawn", without=AT)
    platform = serve(platform, simulated_exchange(now=NOON, data=withdrawn))
    run_ingest(platform, first=FIRST, last=FIRST)
    found = check(platform)
    assert (found.passed, found.differences) == (True, ())
    assert HOUR in {one.open_time for one in found.conflicts}


def test_a_conflict_is_recorded_before_its_minutes_are_loaded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """A run that is killed in between leaves no conflict unrecorded."""
    platform = build_platform(simulated_exchange(now=NOON, faults=[ARCHIVE_DIFFERS]))
    load_archive_alone(platform)
    full = replace(platform, raw_lake=FullDirectory(Path(platform.raw_lake.url)))
    with pytest.raises(LakeUnavailable):
        resolve_conflicts(full, SYMBOL, DAY, NOON)
    assert [
        one.open_time for one in platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)
    ] == [HOUR]
    assert not check(platform).passed
    run_ingest(platform, first=FIRST, last=FIRST)
    assert check(platform).passed


def test_a_known_revision_explains_an_hour_that_was_not_revised(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    """Archive and REST revised a minute, but the exchange did not revise its hour and day."""
    folder, _ = market(tmp_path / "first")
    server = simulated_exchange(now=NOON, data=folder)
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=FIRST, last=FIRST)
    revised, _ = market(tmp_path / "revised", rest={AT: minute(AT, 90, 8)})
    platform = serve(platform, simulated_exchange(now=NOON, data=revised))
    run_ingest(platform, first=FIRST, last=FIRST)
    assert volume_at(platform, AT) == 8
    found = check(platform)
    assert (found.passed, found.conflicts) == (True, ())
    assert {(one.difference.interval.value, one.difference.column) for one in found.explained} >= {
        ("1h", "volume"),
        ("1d", "volume"),
    }
    where = f"WHERE symbol_id = {{symbol}} AND open_time = {HOUR}"
    tamper(platform, f"UPDATE hourly_klines SET volume = volume + 1 {where}")
    assert not check(platform).passed


def test_hours_off_the_grid_are_compared_as_the_exchange_cut_them(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    folder = off_grid_market(tmp_path / "data")
    platform = off_grid_platform(simulated_exchange, build_platform, folder, warehouse_url)
    found = check(platform, OFF_DAY)
    assert (found.differences, found.conflicts, found.recut) == ((), (), 10)
    assert found.compared == 24 + 1


def test_a_conflict_in_an_hour_off_the_grid_keeps_the_minutes_around_it(
    simulated_exchange: StartExchange,
    build_platform: BuildPlatform,
    warehouse_url: str,
    tmp_path: Path,
) -> None:
    folder = off_grid_market(tmp_path / "data")
    at = OFF_START + 12 * HOUR_MS + SHIFT + 5 * MINUTE_MS
    wrong = {**ARCHIVE_DIFFERS, "start": format_utc(at), "end": format_utc(at + MINUTE_MS)}
    server = simulated_exchange(now=OFF_START + 9 * DAY_MS, data=folder, faults=[wrong])
    platform = build_platform(server, warehouse_url=warehouse_url)
    run_ingest(platform, first=OFF_DAY, last=OFF_DAY)
    assert volume_at(platform, at) == 2
    run_ingest(platform, first=OFF_DAY, last=OFF_DAY)
    minutes = 9 * 60 + 20 + 9 * 60 + 31 + 4 * 60
    assert platform.warehouse.facts.read_candles(SYMBOL, Window.of_day(OFF_DAY)).num_rows == minutes
    assert platform.warehouse.quarantine.list_records(SYMBOL) == []
    found = check(platform, OFF_DAY)
    assert (found.passed, found.conflicts) == (True, ())


def test_a_contradicting_hour_off_the_grid_is_listed(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    folder = off_grid_market(tmp_path / "data", changed_volume=1)
    platform = off_grid_platform(simulated_exchange, build_platform, folder)
    found = check(platform, OFF_DAY)
    assert found.passed
    (conflict,) = found.conflicts
    assert conflict.kind is ConflictKind.OFF_GRID
    assert conflict.open_time % HOUR_MS == SHIFT
    assert (
        platform.warehouse.exchange_conflicts.list_conflicts(SYMBOL)[0].evidence
        == conflict.evidence
    )


def test_a_missing_minute_of_an_hour_off_the_grid_is_a_difference(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, tmp_path: Path
) -> None:
    folder = off_grid_market(tmp_path / "data")
    platform = off_grid_platform(simulated_exchange, build_platform, folder)
    lost = OFF_START + 12 * HOUR_MS + SHIFT
    tamper(platform, f"DELETE FROM fact_klines WHERE symbol_id = {{symbol}} AND open_time = {lost}")
    found = check(platform, OFF_DAY)
    assert lost in {one.open_time for one in found.differences}
