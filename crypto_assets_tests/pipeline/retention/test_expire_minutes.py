"""Old minutes expire once their hours and days are computed, and are not fetched again."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.ingest import ingest_symbols
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.aging import (
    BOTH,
    FIRST,
    NEVER,
    SECOND,
    START,
    Killed,
    in_days,
    keys,
    manifest,
    platform,
)
from crypto_assets_tests.pipeline.conftest import TODAY, BuildPlatform, open_times, run_ingest
from crypto_assets_tests.services.exchange import NOON, StartExchange

__all__ = ["platform"]


def test_expired_minutes_leave_hours_and_days_and_are_not_fetched_again(
    platform: PipelineContext,
) -> None:
    warehouse = platform.warehouse
    periods = [
        warehouse.aggregates.read_candles("BTCUSDT", i, BOTH) for i in (Interval.H1, Interval.D1)
    ]
    assert in_days(89.9, platform, minute_days=90).minute_rows == 0, "counted from the load"
    assert in_days(90.1, platform, minute_days=90).minute_rows == 2 * 1440
    assert open_times(platform) == []
    before = len(keys(platform)[0])
    outcomes = run_ingest(platform, first=FIRST, last=SECOND)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert "nothing before 2025-03-06T00:00:00Z is fetched" in str(outcomes[0].details["note"])
    assert open_times(platform) == []
    assert len(keys(platform)[0]) == before
    assert warehouse.gap_ledger.list_gaps(closed=True) == []
    after = [
        warehouse.aggregates.read_candles("BTCUSDT", i, BOTH) for i in (Interval.H1, Interval.D1)
    ]
    assert after == periods
    run_ingest(platform)
    assert min(open_times(platform)) == day_start_ms(TODAY)
    assert warehouse.gap_ledger.list_gaps(closed=True) == []


def test_zero_days_keep_minutes_permanently(platform: PipelineContext) -> None:
    assert in_days(5000, platform, minute_days=0).minutes == ()
    assert len(open_times(platform)) == 2 * 1440


def test_the_age_of_minutes_counts_from_their_load(platform: PipelineContext) -> None:
    """Rebuilt or imported minutes were fetched long ago and loaded just now."""
    platform.warehouse.lake_objects.mark_unloaded("BTCUSDT", ObjectKind.KLINES, BOTH)
    list(ingest_symbols(platform, {"BTCUSDT": BOTH}, set(KlinesStage) - {KlinesStage.RAW}))
    loaded = max(item.loaded_at or 0 for item in manifest(platform))
    fetched = max(item.fetched_at for item in manifest(platform))
    assert loaded > fetched
    chosen = replace(platform, retention_policy=replace(NEVER, minute_days=90))
    assert apply_retention(chosen, at_ms=loaded + 90 * DAY_MS).minute_rows == 0
    assert apply_retention(chosen, at_ms=loaded + 90 * DAY_MS + 1).minute_rows == 2 * 1440


@pytest.mark.parametrize("at", [START, START + 7 * HOUR_MS, START + DAY_MS - MINUTE_MS])
def test_an_unexplained_missing_minute_keeps_its_day(platform: PipelineContext, at: int) -> None:
    _delete_minute(platform, at)
    expired = in_days(200, platform, minute_days=90)
    assert expired.minute_rows == 0
    assert "2025-03-04: 1 minutes are missing" in expired.blockers["BTCUSDT"]


def test_an_outage_at_midnight_keeps_no_day(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    midnight = START + DAY_MS
    faults = [
        {"do": "outage", "start": "2025-03-04T23:00:00Z", "end": "2025-03-05T01:00:00Z"},
    ]
    platform = replace(
        build_platform(simulated_exchange(now=NOON, faults=faults)), retention_policy=NEVER
    )
    run_ingest(platform, first=FIRST, last=SECOND)
    assert [gap.minutes for gap in platform.warehouse.gap_ledger.list_gaps()] == [120]
    assert in_days(200, platform, minute_days=90).minute_rows == 2 * 1440 - 120
    assert midnight not in open_times(platform)
    assert [gap.minutes for gap in platform.warehouse.gap_ledger.list_gaps()] == [120]


@pytest.mark.parametrize("missing", [KlinesStage.HOURS, KlinesStage.DAYS])
def test_minutes_that_are_not_aggregated_stay(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, missing: KlinesStage
) -> None:
    platform = replace(build_platform(simulated_exchange(now=NOON)), retention_policy=NEVER)
    stages = [
        stage
        for stage in KlinesStage
        if list(KlinesStage).index(stage) < list(KlinesStage).index(missing)
    ]
    list(ingest_symbols(platform, {"BTCUSDT": BOTH}, stages))
    expired = in_days(200, platform, minute_days=90)
    assert expired.minute_rows == 0
    assert "hours are not computed" in expired.blockers["BTCUSDT"]
    assert len(open_times(platform)) == 2 * 1440


def test_expiry_continues_after_a_kill_between_two_days(platform: PipelineContext) -> None:
    hours = platform.warehouse.aggregates.read_candles("BTCUSDT", Interval.H1, BOTH)
    engine = platform.warehouse._database.engine
    deletions = 0

    def kill(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal deletions
        deletions += statement.startswith("DELETE FROM fact_klines")
        if deletions == 2:
            raise Killed

    event.listen(engine, "before_cursor_execute", kill)
    with pytest.raises(Killed):
        in_days(200, platform, minute_days=90)
    event.remove(engine, "before_cursor_execute", kill)
    assert len(open_times(platform)) == 1440
    gaps = platform.warehouse.gap_ledger.list_gaps("BTCUSDT", closed=True)
    platform.warehouse.gap_ledger.refresh_gaps("BTCUSDT", BOTH)
    assert platform.warehouse.gap_ledger.list_gaps("BTCUSDT", closed=True) == gaps
    assert in_days(200, platform, minute_days=90).minute_rows == 1440
    assert platform.warehouse.aggregates.read_candles("BTCUSDT", Interval.H1, BOTH) == hours
    assert platform.warehouse.watermarks.get_watermark("BTCUSDT").record_count == 0


def _delete_minute(platform: PipelineContext, open_time: int) -> None:
    """Delete a minute and correct the counts, as if it had never been loaded."""
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

    platform.warehouse._database.run_write(work)
