"""Finds stale symbols and builds their alerts."""

from crypto_assets.market.staleness import ExchangeCondition
from crypto_assets.market.utc_time import format_utc, now_ms
from crypto_assets.pipeline.alerting.webhook import Alert
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import StaleSymbol


def find_stale_symbols(context: PipelineContext, exchange: ExchangeCondition) -> list[StaleSymbol]:
    """List the tracked, trading symbols of which no new candles arrive.

    None while the exchange is unreachable, which is the reason for all of them. Raises
    WarehouseError.
    """
    return context.warehouse.staleness.list_stale_symbols(
        context.default_ingest_minutes, now_ms(), exchange
    )


def build_stale_symbol_alert(stale: StaleSymbol, link: str) -> Alert:
    newest = "no candle has ever been loaded"
    if stale.last_open_time is not None:
        newest = f"the newest candle opened at {format_utc(stale.last_open_time)}"
    return Alert(
        subject=f"{stale.symbol} is stale",
        error=f"no new candles arrive: {newest}",
        symbol=stale.symbol,
        link=link,
    )
