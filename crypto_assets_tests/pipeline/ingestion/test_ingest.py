"""Ingestion from the exchange to daily candles: complete, no duplicates, closed candles only."""

from datetime import date

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.verify import verify_symbol
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.pipeline.conftest import (
    SETTLE_MS,
    TODAY,
    TODAY_MS,
    BuildPlatform,
    open_times,
    run_ingest,
)
from crypto_assets_tests.services.exchange import NOON, StartExchange

# Closed and settled at 12:00:30: the minutes up to 11:59.
_CLOSED_TODAY = 12 * 60


def test_whole_days_and_the_closed_part_of_today_are_ingested(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    outcomes = run_ingest(platform, first=date(2025, 3, 4), last=TODAY)
    assert not [outcome.error for outcome in outcomes if outcome.error]
    times = open_times(platform)
    assert times == list(range(TODAY_MS - 2 * DAY_MS, TODAY_MS + 12 * HOUR_MS, MINUTE_MS))
    rows = {(outcome.stage, outcome.day): outcome.rows for outcome in outcomes}
    assert rows[KlinesStage.HOURS, TODAY] == 12
    assert rows[KlinesStage.DAYS, date(2025, 3, 5)] == 1
    assert rows[KlinesStage.DAYS, TODAY] == 0, "a day in progress has no candle"


def test_hours_and_days_equal_the_exchanges_own(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON), "WAVESBTC")
    run_ingest(platform, "WAVESBTC", first=date(2025, 3, 4))
    found = verify_symbol(platform, "WAVESBTC", Window.of_days(date(2025, 3, 4), TODAY))
    assert found.compared == 2 * 24 + 12 + 2
    assert found.differences == ()


def test_the_open_candle_never_reaches_the_lake(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    run_ingest(platform)
    newest = TODAY_MS + 12 * HOUR_MS
    assert open_times(platform)[-1] == newest - MINUTE_MS
    assert newest not in _times_in_lake(platform)
    server.clock.advance(30_000 + SETTLE_MS)  # exactly settled: not yet later than the delay
    run_ingest(platform, tail=True)
    server.clock.advance(1)
    run_ingest(platform, tail=True)
    assert open_times(platform)[-1] == newest
    assert newest in _times_in_lake(platform)
    final = next(
        iter(
            platform.exchange.rest.fetch_kline_pages(
                "BTCUSDT", Interval.M1, Window(newest, newest + 1)
            )
        )
    )
    stored = platform.warehouse.facts.read_candles(
        "BTCUSDT", Window(newest, newest + 1)
    ).to_pylist()[0]
    assert float(stored["volume"]) == pytest.approx(float(final[0][5]))


def test_ingesting_twice_changes_nothing(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    run_ingest(platform, first=date(2025, 3, 5))
    times, keys = open_times(platform), [entry.key for entry in platform.raw_lake.list_entries()]
    again = run_ingest(platform, first=date(2025, 3, 5))
    assert not [outcome.error for outcome in again if outcome.error]
    assert open_times(platform) == times
    assert [entry.key for entry in platform.raw_lake.list_entries()] == keys


def test_ticks_continue_where_the_last_one_ended(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    for _ in range(3):
        server.clock.advance(MINUTE_MS)
        run_ingest(platform, "BTCUSDT", "ETHUSDT", tail=True)
    server.clock.advance(90 * MINUTE_MS)  # after a downtime the next tick ingests all of it
    run_ingest(platform, "BTCUSDT", "ETHUSDT", tail=True)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert len(open_times(platform, symbol)) == _CLOSED_TODAY + 3 + 90
        assert verify_symbol(platform, symbol, Window.of_day(TODAY)).differences == ()


def test_a_tick_after_midnight_completes_yesterday(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=TODAY_MS + DAY_MS - 30_000)
    platform = build_platform(server)
    run_ingest(platform)
    server.clock.advance(2 * MINUTE_MS)
    tomorrow = date(2025, 3, 7)
    outcomes = run_ingest(platform, first=TODAY, last=tomorrow, tail=True)
    assert {(o.stage, o.day) for o in outcomes} >= {
        (KlinesStage.DAYS, TODAY),
        (KlinesStage.FACTS, tomorrow),
    }
    assert len(open_times(platform)) == 1440 + 1
    assert verify_symbol(platform, "BTCUSDT", Window.of_days(TODAY, tomorrow)).differences == ()


def test_a_published_archive_replaces_the_objects_of_ticks(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server)
    run_ingest(platform)
    server.clock.advance(MINUTE_MS)
    run_ingest(platform, tail=True)
    server.clock.advance(DAY_MS)
    run_ingest(platform)
    keys = [entry.key for entry in platform.raw_lake.list_entries(f"{TODAY}/")]
    assert len(keys) == 1
    assert keys[0].endswith("_archive.json")
    assert (
        len(
            platform.warehouse.lake_objects.list_in_window(
                "BTCUSDT", ObjectKind.KLINES, Window.of_day(TODAY)
            )
        )
        == 1
    )
    assert len(open_times(platform)) == 1440


def test_a_symbol_that_fails_does_not_stop_others(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    day = date(2025, 3, 5)
    outcomes = run_ingest(platform, "BTCUSDT", "NOSUCH", "ETHUSDT", first=day, last=day)
    bad = {outcome.symbol for outcome in outcomes if outcome.error}
    assert bad == {"NOSUCH"}
    assert len(open_times(platform, "ETHUSDT")) == 1440


def _times_in_lake(platform: PipelineContext) -> set[int]:
    from crypto_assets.lake import decode_klines

    return {
        int(row[0])
        for entry in platform.raw_lake.list_entries()
        for row in decode_klines(platform.raw_lake.get(entry.key))
    }
