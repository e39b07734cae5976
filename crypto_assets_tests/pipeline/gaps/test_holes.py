"""Days between stored ones that were never requested are gaps, and are fetched."""

from datetime import date, timedelta
from typing import NoReturn

import pytest

from crypto_assets.market.utc_time import MINUTES_PER_DAY, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.holes import record_holes
from crypto_assets.pipeline.ingestion.tick_plan import MissingDays, list_missing_days
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.recovery import expired_days
from crypto_assets.pipeline.recovery.expired_days import lift_expiry
from crypto_assets.reports import Reports
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange

YESTERDAY = TODAY - timedelta(days=1)
OLD = TODAY - timedelta(days=11)
BETWEEN = Window.of_days(OLD + timedelta(days=1), YESTERDAY - timedelta(days=1))


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    """Yesterday, and then a day of last week."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=YESTERDAY)
    run_ingest(platform, first=OLD, last=OLD)
    return platform


def list_gap_windows(platform: PipelineContext) -> list[tuple[str, Window]]:
    gaps = platform.warehouse.gap_ledger.list_gaps("BTCUSDT")
    return [(gap.gap_class.value, gap.window) for gap in gaps]


def clear_ledger(platform: PipelineContext) -> None:
    platform.warehouse._database.run_write(lambda c: c.exec_driver_sql("DELETE FROM kline_gaps"))


def get_coverage(platform: PipelineContext) -> float:
    return Reports(platform.warehouse).get_status().symbols[0].coverage


def test_a_load_of_older_days_records_the_days_between(platform: PipelineContext) -> None:
    assert list_gap_windows(platform) == [("open", BETWEEN)]
    (coverage,) = platform.warehouse.coverage.list_by_symbol()
    assert (coverage.open_gaps, coverage.missing_minutes) == (1, BETWEEN.minutes)
    stored = 2 * MINUTES_PER_DAY + 720
    assert coverage.share == get_coverage(platform)
    assert coverage.share == pytest.approx(stored / (stored + BETWEEN.minutes))
    first, last = (list(BETWEEN.iter_days())[at] for at in (0, -1))
    assert list_missing_days(platform) == [MissingDays("BTCUSDT", first, last, is_hole=True)]


def test_the_days_between_are_loaded_by_a_backfill(platform: PipelineContext) -> None:
    (missing,) = list_missing_days(platform)
    run_ingest(platform, first=missing.first, last=missing.last)
    assert list_gap_windows(platform) == []
    assert list_missing_days(platform) == []
    assert get_coverage(platform) == 1.0
    assert len(open_times(platform)) == 11 * MINUTES_PER_DAY + 720
    closed = Window.of_days(OLD, YESTERDAY)
    assert verify_symbol(platform, "BTCUSDT", closed).differences == ()


@pytest.mark.parametrize("newest", [YESTERDAY, TODAY])
def test_holes_that_no_run_has_recorded_are_found(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, newest: date
) -> None:
    """In a home of an earlier version, or after a kill. Today has no daily candle yet."""
    platform = build_platform(simulated_exchange(now=NOON))
    days = (newest, TODAY - timedelta(days=5), OLD)
    for day in days:
        run_ingest(platform, first=day, last=day)
    recorded = list_gap_windows(platform)
    assert len(recorded) == 2
    clear_ledger(platform)
    assert record_holes(platform, platform.closed_before()) == 2
    assert list_gap_windows(platform) == recorded
    assert record_holes(platform, platform.closed_before()) == 0


def test_explained_and_expired_days_are_no_hole(platform: PipelineContext) -> None:
    clear_ledger(platform)
    facts = platform.warehouse.facts
    facts.expire_minutes("BTCUSDT", BETWEEN.end_ms)
    record_holes(platform, platform.closed_before())
    assert list_gap_windows(platform) == []
    facts.lift_expiry("BTCUSDT", BETWEEN.start_ms)
    record_holes(platform, platform.closed_before())
    assert list_gap_windows(platform) == [("open", BETWEEN)]


def test_days_that_are_no_longer_expired_are_gaps(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """Their hours and days are still stored."""
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=OLD)
    platform.warehouse.facts.expire_minutes("BTCUSDT", BETWEEN.end_ms)
    closed_before = platform.closed_before()
    assert lift_expiry(platform, "BTCUSDT", TODAY, closed_before) is None
    assert lift_expiry(platform, "BTCUSDT", OLD + timedelta(days=1), closed_before) == BETWEEN
    assert list_gap_windows(platform) == [("open", BETWEEN)]
    (missing,) = list_missing_days(platform)
    run_ingest(platform, first=missing.first, last=missing.last)
    assert list_gap_windows(platform) == []
    assert min(open_times(platform)) == BETWEEN.start_ms
    assert verify_symbol(platform, "BTCUSDT", Window.of_days(OLD, YESTERDAY)).differences == ()


def test_days_that_are_no_longer_expired_are_gaps_after_a_kill_too(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=OLD)
    platform.warehouse.facts.expire_minutes("BTCUSDT", BETWEEN.end_ms)
    first, closed_before = OLD + timedelta(days=1), platform.closed_before()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expired_days, "record_gaps", interrupt)
        with pytest.raises(KeyboardInterrupt):
            lift_expiry(platform, "BTCUSDT", first, closed_before)
    assert list_gap_windows(platform) == []
    assert lift_expiry(platform, "BTCUSDT", YESTERDAY, closed_before) == BETWEEN
    assert list_gap_windows(platform) == [("open", BETWEEN)]
    assert lift_expiry(platform, "BTCUSDT", first, closed_before) is None


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def test_untracked_symbols_have_no_new_holes(platform: PipelineContext) -> None:
    clear_ledger(platform)
    platform.warehouse.symbols.untrack_symbol("BTCUSDT")
    assert record_holes(platform, platform.closed_before()) == 0


def test_days_before_the_first_candle_are_no_hole(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    """A load of days of which the exchange has nothing leaves no gap but its own."""
    faults = [{"do": "list", "symbol": "BTCUSDT", "at": f"{YESTERDAY}T00:00:00Z"}]
    platform = build_platform(simulated_exchange(now=NOON, faults=faults))
    run_ingest(platform, first=YESTERDAY)
    run_ingest(platform, first=OLD, last=OLD)
    assert list_gap_windows(platform) == [("not_listed", Window.of_day(OLD))]
