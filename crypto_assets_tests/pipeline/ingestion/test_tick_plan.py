"""What a tick ingests, and what it leaves to a backfill."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, from_epoch_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.warehouse import INGEST_INTERVAL, ORDER_BOOK_INTERVAL
from crypto_assets_tests.pipeline.conftest import TODAY, TODAY_MS, BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

_SCHEDULED = from_epoch_ms(TODAY_MS + 12 * HOUR_MS)


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange(now=NOON)


@pytest.fixture
def platform(server: ExchangeServer, build_platform: BuildPlatform) -> PipelineContext:
    platform: PipelineContext = build_platform(server, "BTCUSDT", "ETHUSDT")
    return platform


def test_before_the_first_candle_a_tick_starts_with_today(platform: PipelineContext) -> None:
    tick = tick_plan.plan_ingest_tick(platform, _SCHEDULED)
    assert (tick.first_day, tick.last_day) == (TODAY, TODAY)
    assert tick.symbols == ("BTCUSDT", "ETHUSDT")
    assert tick_plan.list_lagging_symbols(platform) == {}


def test_hours_are_due_when_one_has_closed_since_the_newest_candle(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    assert not tick_plan.plan_ingest_tick(platform, _SCHEDULED).has_closed_hour
    server.clock.advance(HOUR_MS - MINUTE_MS)  # 12:59:30: the newest closed minute is 12:58
    assert not tick_plan.plan_ingest_tick(platform, _SCHEDULED).has_closed_hour
    server.clock.advance(MINUTE_MS)
    assert tick_plan.plan_ingest_tick(platform, _SCHEDULED).has_closed_hour
    run_ingest(platform, "BTCUSDT", "ETHUSDT", tail=True)
    assert not tick_plan.plan_ingest_tick(platform, _SCHEDULED).has_closed_hour, (
        "not again a minute later"
    )


def test_an_hour_that_closed_while_a_tick_was_waiting_is_due_with_the_next(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    """A tick planned before the hour's end and run after it loads the hour's last minute only."""
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    server.clock.advance(HOUR_MS)
    late = dict.fromkeys(("BTCUSDT", "ETHUSDT"), Window.of_day(TODAY))
    list(ingest_symbols(platform, late, [KlinesStage.RAW, KlinesStage.FACTS], IngestMode.TAIL))
    assert tick_plan.plan_ingest_tick(platform, _SCHEDULED).has_closed_hour
    server.clock.advance(MINUTE_MS)
    run_ingest(platform, "BTCUSDT", "ETHUSDT", tail=True)
    assert not tick_plan.plan_ingest_tick(platform, _SCHEDULED).has_closed_hour


def test_days_that_a_load_skips_are_missing(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    """A user materializes today before the days since the newest candle are ingested."""
    run_ingest(platform)
    today = TODAY + timedelta(days=10)
    server.clock.advance(10 * DAY_MS)
    assert tick_plan.list_missing_days(platform) == [tick_plan.MissingDays("BTCUSDT", TODAY, today)]
    run_ingest(platform, first=today, last=today)
    assert tick_plan.list_lagging_symbols(platform) == {}
    (skipped,) = tick_plan.list_missing_days(platform)
    yesterday = today - timedelta(days=1)
    assert skipped == tick_plan.MissingDays("BTCUSDT", TODAY, yesterday, is_hole=True)
    run_ingest(platform, first=skipped.first, last=skipped.last)
    assert tick_plan.list_missing_days(platform) == []


def test_a_tick_starts_at_the_oldest_watermark(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    server.clock.advance(DAY_MS)
    run_ingest(platform, "ETHUSDT", tail=True, last=TODAY + timedelta(days=1))
    tick = tick_plan.plan_ingest_tick(platform, _SCHEDULED)
    assert (tick.first_day, tick.last_day) == (TODAY, TODAY + timedelta(days=1))


def test_a_symbol_that_is_far_behind_is_left_to_a_backfill(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    server.clock.advance(3 * DAY_MS)
    later = TODAY + timedelta(days=3)
    run_ingest(platform, "ETHUSDT", last=later)
    tick = tick_plan.plan_ingest_tick(platform, _SCHEDULED)
    assert tick.symbols == ("ETHUSDT",)
    assert tick.first_day == later
    assert tick_plan.list_lagging_symbols(platform) == {"BTCUSDT": TODAY}
    run_ingest(platform, "BTCUSDT", "ETHUSDT", first=later, last=later, tail=True)
    assert tick_plan.list_lagging_symbols(platform) == {"BTCUSDT": TODAY}, (
        "a tick whose keys include it does not ingest it"
    )


def test_an_interval_set_in_the_app_applies_at_once(platform: PipelineContext) -> None:
    odd = _SCHEDULED + timedelta(minutes=1)
    assert tick_plan.plan_ingest_tick(platform, odd).is_due
    platform.warehouse.app_settings.put_value(INGEST_INTERVAL, 5, who="test")
    assert not tick_plan.plan_ingest_tick(platform, odd).is_due
    assert tick_plan.plan_ingest_tick(platform, _SCHEDULED).is_due
    platform.warehouse.app_settings.put_value(ORDER_BOOK_INTERVAL, 10, who="test")
    assert not tick_plan.plan_order_book_tick(platform, odd).is_due
    assert tick_plan.plan_order_book_tick(platform, _SCHEDULED).is_due


def test_a_run_waits_until_the_last_minute_has_settled(
    platform: PipelineContext, server: ExchangeServer
) -> None:
    server.clock.set_time(TODAY_MS + 12 * HOUR_MS + 1)
    server.clock.speed = 1
    quick = replace(platform, settle_ms=300)
    assert quick.wait_until_settled() >= TODAY_MS + 12 * HOUR_MS
