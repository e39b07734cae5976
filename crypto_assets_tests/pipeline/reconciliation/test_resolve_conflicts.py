"""Where the exchange contradicts itself, the minutes that give its own hour win, in any order."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import (
    HOUR_MS,
    MINUTE_MS,
    format_utc,
    now_ms,
)
from crypto_assets.pipeline.ingestion.import_objects import load_imported_days
from crypto_assets.pipeline.reconciliation.resolve_conflicts import resolve_conflicts
from crypto_assets.pipeline.reconciliation.verify import VerificationResult
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.warehouse import ConflictKind, GapClass
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.pipeline.market_files import minute, write_candles
from crypto_assets_tests.pipeline.reconciliation.contradictions import (
    ARCHIVE_DIFFERS,
    AT,
    DAY,
    FIRST,
    HOUR,
    SYMBOL,
    check,
    compute,
    market,
    put_minutes,
    volume_at,
    volume_by_rest,
)
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, StartExchange


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
