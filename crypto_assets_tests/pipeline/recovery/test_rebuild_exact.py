"""Minutes that were never published: verify lists their hours, an exact rebuild deletes them."""

from datetime import date, timedelta
from typing import Any

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_start_ms,
    format_utc,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.recovery.rebuild import RebuildResult, rebuild_from_lake
from crypto_assets.warehouse import GapClass
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times, run_ingest
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, StartExchange

FIRST = TODAY - timedelta(days=3)
LAST = TODAY - timedelta(days=1)
DAYS = Window.of_days(FIRST, LAST)
MIDNIGHT = day_start_ms(LAST)
# One within a day; one over midnight, outside the first and last row of every object.
OUTAGES = (
    Window(DAYS.start_ms + 600 * MINUTE_MS, DAYS.start_ms + 625 * MINUTE_MS),
    Window(MIDNIGHT - 90 * MINUTE_MS, MIDNIGHT + 10 * MINUTE_MS),
)
_VALUES = "close, close, close, close, 0, {at} + 59999, 0, 0, 0, 0"
_COLUMNS = (
    "open, high, low, close, volume, close_time, quote_volume, trade_count,"
    " taker_buy_volume, taker_buy_quote_volume"
)


@pytest.fixture
def platform(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, warehouse_url: str
) -> PipelineContext:
    """Three days with two outages, on SQLite and on MariaDB."""
    faults = [
        {"do": "outage", "start": format_utc(one.start_ms), "end": format_utc(one.end_ms)}
        for one in OUTAGES
    ]
    built = build_platform(simulated_exchange(now=NOON, faults=faults), warehouse_url=warehouse_url)
    run_ingest(built, first=FIRST, last=LAST)
    return built


def fill(platform: PipelineContext, window: Window) -> None:
    """Fill a window with copies of the candle before it, without trades; update hours and days.

    They were fetched earlier: an exact rebuild keeps minutes of the last seconds.
    """
    for at in range(window.start_ms, window.end_ms, MINUTE_MS):
        tamper(
            platform,
            f"INSERT INTO fact_klines (symbol_id, open_time, {_COLUMNS}, fetched_at, source)"
            f" SELECT symbol_id, {at}, {_VALUES.format(at=at)}, fetched_at - 10000, source"
            " FROM fact_klines"
            f" WHERE symbol_id = {{symbol}} AND open_time = {window.start_ms - MINUTE_MS}",
        )
    hours = range(window.start_ms // HOUR_MS * HOUR_MS, window.end_ms, HOUR_MS)
    for hour in hours:
        tamper(
            platform,
            "INSERT INTO stale_hours (symbol_id, open_time, hour_done)"
            f" VALUES ({{symbol}}, {hour}, 0)",
        )
    platform.warehouse.aggregates.recompute_hours("BTCUSDT", DAYS, DAYS.end_ms)
    platform.warehouse.aggregates.recompute_days("BTCUSDT", DAYS, DAYS.end_ms)


def read_all_rows(platform: PipelineContext) -> list[Any]:
    """Return the rows of all minutes, hours and days."""
    read = platform.warehouse.aggregates.read_candles
    periods = [read("BTCUSDT", interval, DAYS) for interval in (Interval.H1, Interval.D1)]
    tables = [platform.warehouse.facts.read_candles("BTCUSDT", DAYS), *periods]
    return [row for table in tables for row in table.to_pylist()]


def rebuild_exactly(platform: PipelineContext, window: Window | None = None) -> RebuildResult:
    (one,) = rebuild_from_lake(platform, ["BTCUSDT"], window, exact=True)
    assert one.error is None
    return one


@pytest.mark.parametrize("ledger_refreshed", [False, True])
def test_filled_outages_are_listed_and_emptied(
    platform: PipelineContext, ledger_refreshed: bool
) -> None:
    """Also after the ledger was refreshed, and no longer has the gaps."""
    before = read_all_rows(platform)
    for outage in OUTAGES:
        fill(platform, outage)
    if ledger_refreshed:
        record_gaps(platform, "BTCUSDT", DAYS, DAYS.end_ms)
        assert platform.warehouse.gap_ledger.list_gaps("BTCUSDT") == []
    expected_hours = {
        *range(OUTAGES[0].start_ms // HOUR_MS * HOUR_MS, OUTAGES[0].end_ms, HOUR_MS),
        *range(MIDNIGHT - 2 * HOUR_MS, MIDNIGHT + HOUR_MS, HOUR_MS),
    }
    found = verify_symbol(platform, "BTCUSDT", DAYS)
    assert expected_hours <= {*found.differing_hours}
    assert any(one.is_invented for one in found.differences)

    (plain,) = rebuild_from_lake(platform, ["BTCUSDT"])
    assert (plain.minutes.deleted, plain.minutes.kept) == (0, 125)
    assert not verify_symbol(platform, "BTCUSDT", DAYS).passed

    assert rebuild_exactly(platform).minutes.deleted == 125
    assert verify_symbol(platform, "BTCUSDT", DAYS).passed
    assert read_all_rows(platform) == before
    gaps = platform.warehouse.gap_ledger.list_gaps("BTCUSDT")
    assert [(gap.start, gap.minutes) for gap in gaps] == [
        (OUTAGES[0].start_ms, 25),
        (OUTAGES[1].start_ms, 100),
    ]
    mark = platform.warehouse.watermarks.get_watermark("BTCUSDT")
    assert mark.record_count == len(open_times(platform))
    again = rebuild_exactly(platform).minutes
    assert (again.new, again.changed, again.deleted, again.skipped_hours) == (0, 0, 0, 0)


def test_hours_of_deleted_minutes_are_recomputed(platform: PipelineContext) -> None:
    before = read_all_rows(platform)
    fill(platform, OUTAGES[1])
    tamper(
        platform,
        f"DELETE FROM fact_klines WHERE open_time >= {OUTAGES[1].start_ms}"
        f" AND open_time < {OUTAGES[1].end_ms}",
    )
    (plain,) = rebuild_from_lake(platform, ["BTCUSDT"])
    assert plain.minutes.skipped_hours > 0
    assert rebuild_exactly(platform).minutes.skipped_hours == 0
    assert read_all_rows(platform) == before


def test_minutes_outside_the_lakes_objects_stay(platform: PipelineContext) -> None:
    """Those of expired objects, of other days, of expired minutes, and those loaded meanwhile."""
    before = read_all_rows(platform)
    platform.raw_lake.delete([entry.key for entry in platform.raw_lake.list_entries(str(FIRST))])
    later = OUTAGES[1].start_ms
    fill(platform, Window(later, later + MINUTE_MS))
    tamper(
        platform,
        f"UPDATE fact_klines SET fetched_at = {2**45} WHERE open_time = {later}",
    )
    found = rebuild_exactly(platform)
    assert (found.days, found.minutes.deleted, found.minutes.kept) == (2, 0, 1)
    assert len(open_times(platform)) == sum("minute_count" not in row for row in before) + 1
    other = rebuild_exactly(platform, Window.of_day(date(2025, 1, 1)))
    assert (other.objects, other.minutes.deleted) == (0, 0)
    platform.warehouse.facts.expire_minutes("BTCUSDT", DAYS.start_ms + DAY_MS)
    assert rebuild_exactly(platform).minutes.deleted == 0


def test_a_filled_gap_of_a_day_from_rest_is_emptied(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """The object ends where the outage begins, so only the ledger has it."""
    outage = Window(Window.of_day(LAST).end_ms - HOUR_MS, Window.of_day(LAST).end_ms)
    faults: list[dict[str, Any]] = [
        {"do": "outage", "start": format_utc(outage.start_ms), "end": format_utc(outage.end_ms)},
        {"do": "archive", "how": "missing", "day": str(LAST)},
    ]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    run_ingest(platform, first=LAST, last=TODAY)
    (gap,) = platform.warehouse.gap_ledger.list_gaps("BTCUSDT")
    assert gap.gap_class in {GapClass.OUTAGE, GapClass.ARCHIVE_LATE}
    fill(platform, outage)
    assert verify_symbol(platform, "BTCUSDT", Window.of_day(LAST)).differing_hours == [
        outage.start_ms
    ]
    assert rebuild_exactly(platform).minutes.deleted == 60
    assert verify_symbol(platform, "BTCUSDT", Window.of_days(LAST, TODAY)).passed
