"""Which tracked symbols still trade, as the exchange says."""

from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.clock import MINUTE_MS, Window, floor_ms
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.pipeline.platform import Platform
from crypto_assets.warehouse import GapClass, TrackedSymbol


def refresh_statuses(platform: Platform) -> None:
    """Take over status and tick size of the tracked symbols, once a closing: weight 20.

    One that the exchange no longer lists trades no more. Raises ExchangeError, WarehouseError.
    """
    tracked = platform.warehouse.symbols.tracked()
    if not tracked:
        return
    rest = platform.exchange.rest
    try:
        listed = rest.exchange_info([symbol.name for symbol in tracked]).symbols
    except UnknownSymbol:
        listed = rest.exchange_info().symbols
    platform.warehouse.symbols.update_status(
        [listed.get(symbol.name) or _ended(symbol) for symbol in tracked]
    )


def has_ended(platform: Platform, symbol: TrackedSymbol, newest: int) -> bool:
    """Whether it trades no more, and the ledger says so of the minutes after its newest candle."""
    if symbol.status is SymbolStatus.TRADING:
        return False
    after = floor_ms(newest, MINUTE_MS) + MINUTE_MS
    gaps = platform.warehouse.gaps.list(symbol.name, Window(after, after + MINUTE_MS))
    return any(gap.gap_class is GapClass.DELISTED for gap in gaps)


def _ended(symbol: TrackedSymbol) -> Symbol:
    return Symbol(symbol.name, symbol.base, symbol.quote, SymbolStatus.BREAK, symbol.tick_size)
