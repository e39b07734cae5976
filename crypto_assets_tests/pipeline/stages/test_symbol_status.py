"""A symbol that no longer trades is recorded as such, and no new candles are expected."""

from datetime import timedelta

from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, format_utc
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion import tick_plan
from crypto_assets.pipeline.stages.symbol_status import refresh_statuses
from crypto_assets_tests.pipeline.conftest import (
    TODAY,
    TODAY_MS,
    BuildPlatform,
    list_stale_names,
    run_ingest,
)
from crypto_assets_tests.pipeline.tampering import tamper
from crypto_assets_tests.services.exchange import NOON, StartExchange

DELISTING = {"do": "delist", "symbol": "BTCUSDT", "at": format_utc(TODAY_MS + 2 * HOUR_MS)}


def status(platform: PipelineContext, symbol: str = "BTCUSDT") -> SymbolStatus:
    return platform.warehouse.symbols.get_symbol(symbol).status


def test_a_delisted_symbol_lags_until_its_end_is_recorded(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=TODAY_MS + HOUR_MS, faults=[DELISTING])
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    server.clock.advance(3 * DAY_MS)
    refresh_statuses(platform)
    assert status(platform) is SymbolStatus.BREAK
    assert tick_plan.list_lagging_symbols(platform) == {"BTCUSDT": TODAY, "ETHUSDT": TODAY}, (
        "its last hour is not loaded yet"
    )
    later = TODAY + timedelta(days=3)
    run_ingest(platform, "BTCUSDT", "ETHUSDT", last=later)
    server.clock.advance(100 * DAY_MS)
    assert tick_plan.list_lagging_symbols(platform) == {"ETHUSDT": later}


def test_an_ingest_records_that_a_symbol_no_longer_trades(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON, faults=[DELISTING]))
    tamper(platform, "UPDATE symbols SET status = 'TRADING' WHERE symbol_id = {symbol}", "BTCUSDT")
    run_ingest(platform)
    assert status(platform) is SymbolStatus.BREAK


def test_a_symbol_that_trades_again_lags_again(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON, faults=[DELISTING])
    platform = build_platform(server)
    run_ingest(platform)
    server.faults.clear_rules()
    server.clock.advance(3 * DAY_MS)
    assert tick_plan.list_lagging_symbols(platform) == {}
    refresh_statuses(platform)
    assert tick_plan.list_lagging_symbols(platform) == {"BTCUSDT": TODAY}
    run_ingest(platform, last=TODAY + timedelta(days=3))
    assert platform.warehouse.gap_ledger.list_gaps() == []


def test_a_delisted_symbol_is_not_stale(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=NOON)
    platform = build_platform(server, "BTCUSDT", "ETHUSDT")
    run_ingest(platform, "BTCUSDT", "ETHUSDT")
    server.clock.advance(3 * DAY_MS)
    tamper(platform, "UPDATE extraction_metadata SET last_fetch_time = 1")
    tamper(platform, "UPDATE symbols SET symbol = 'GONEUSDT' WHERE symbol = 'ETHUSDT'")
    assert list_stale_names(platform) == ["BTCUSDT", "GONEUSDT"]
    refresh_statuses(platform)
    assert status(platform, "GONEUSDT") is SymbolStatus.DELISTED
    assert list_stale_names(platform) == ["BTCUSDT"]
