"""Finds stale symbols and builds their alerts."""

from crypto_assets.errors import ExchangeError
from crypto_assets.market.utc_time import format_utc, now_ms
from crypto_assets.pipeline.alerting.webhook import Alert
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import StaleSymbol


def find_stale_symbols(context: PipelineContext) -> list[StaleSymbol]:
    """List the tracked, trading symbols of which no new candles arrive. Raises WarehouseError."""
    return context.warehouse.staleness.list_stale_symbols(
        context.default_ingest_minutes, _exchange_or_local_now(context), now_ms()
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


def _exchange_or_local_now(context: PipelineContext) -> int:
    """Return the exchange's clock; the local one where an outage of the exchange is the cause."""
    try:
        return context.exchange_now()
    except ExchangeError:
        return now_ms()
