"""Retention counts ages by two clocks that agree, and only some days beyond its last run."""

from dataclasses import replace

import pytest

from crypto_assets.errors import ClockNotTrusted
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.apply_retention import apply_retention
from crypto_assets.pipeline.retention.retention_time import (
    MAX_ADVANCE_MS,
    RetentionTime,
    find_retention_time,
    record_retention_time,
)
from crypto_assets_tests.pipeline.aging import BOTH, FIRST, NEVER, SECOND
from crypto_assets_tests.pipeline.conftest import BuildPlatform, open_times, run_ingest
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

NOW = now_ms()


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=now_ms(), speed=1)


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    """Two days of March 2025, which were fetched and loaded then."""
    platform = replace(build_platform(server), retention_policy=NEVER)
    run_ingest(platform, first=FIRST, last=SECOND)
    for statement in (
        "UPDATE lake_objects SET fetched_at = last_time, loaded_at = last_time",
        "UPDATE fact_klines SET fetched_at = open_time",
    ):
        platform.warehouse._database.run_write(lambda c, text=statement: c.exec_driver_sql(text))
    return platform


def test_the_earlier_of_both_clocks_counts(
    server: ExchangeServer, platform: PipelineContext
) -> None:
    server.clock.advance(-HOUR_MS // 2)
    assert abs(find_retention_time(platform).at_ms - (now_ms() - HOUR_MS // 2)) < HOUR_MS // 10
    server.clock.advance(HOUR_MS)
    assert abs(find_retention_time(platform).at_ms - now_ms()) < HOUR_MS // 10


@pytest.mark.parametrize("hours", [-1.1, 1.1, 4800])
def test_clocks_that_differ_by_over_an_hour_are_refused(
    server: ExchangeServer, platform: PipelineContext, hours: float
) -> None:
    server.clock.advance(round(hours * HOUR_MS))
    chosen = replace(platform, retention_policy=replace(NEVER, minute_days=1, raw_days=1))
    for dry_run in (False, True):
        with pytest.raises(ClockNotTrusted, match="nothing was expired"):
            apply_retention(chosen, dry_run=dry_run, unlimited=True)
    assert len(open_times(platform)) == 2 * 1440
    assert len(list(platform.raw_lake.list_entries())) == 2


def test_a_run_ages_data_by_a_week_at_most_beyond_the_last_run(platform: PipelineContext) -> None:
    """Both clocks jumped: the exchange is simulated by the same machine, or wrong."""
    last = BOTH.end_ms + DAY_MS
    record_retention_time(platform, RetentionTime(last))
    chosen = replace(platform, retention_policy=replace(NEVER, minute_days=90))
    for week in (1, 2):
        limited = apply_retention(chosen)
        assert limited.minute_rows == 0
        assert limited.time.at_ms == last + week * MAX_ADVANCE_MS
        apply_retention(chosen, dry_run=True)  # changes nothing, not even the limit
    assert len(open_times(platform)) == 2 * 1440
    assert apply_retention(chosen, unlimited=True).minute_rows == 2 * 1440
    assert apply_retention(chosen).time.last_run_ms is None


def test_the_first_run_of_a_home_has_no_limit(platform: PipelineContext) -> None:
    chosen = replace(platform, retention_policy=replace(NEVER, minute_days=90))
    assert apply_retention(chosen).minute_rows == 2 * 1440


def test_a_new_policy_takes_effect_at_once(platform: PipelineContext) -> None:
    assert apply_retention(platform).minute_rows == 0
    chosen = replace(platform, retention_policy=replace(NEVER, minute_days=90))
    assert apply_retention(chosen).minute_rows == 2 * 1440


def test_a_last_run_in_the_future_does_not_stop_retention(platform: PipelineContext) -> None:
    record_retention_time(platform, RetentionTime(NOW + 200 * DAY_MS))
    assert abs(apply_retention(platform).time.at_ms - now_ms()) < HOUR_MS
    assert find_retention_time(platform).last_run_ms is None
