"""Which tracked symbols still trade, and which the exchange lists no longer, as it says itself."""

from collections.abc import Sequence
from dataclasses import replace

from crypto_assets.errors import NotListed, UnknownSymbol
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import MINUTE_MS, Window, floor_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import GapClass, RegisteredSymbol


def refresh_statuses(platform: PipelineContext) -> None:
    """Take over status and tick size of the tracked symbols, once a closing: weight 20.

    One that does not trade may be gone, and a request that names it would be rejected: then the
    whole list is asked for, in which one that has come back is found too. Raises ExchangeError,
    WarehouseError.
    """
    tracked = platform.warehouse.symbols.list_tracked()
    if not tracked:
        return
    rest = platform.exchange.rest
    names = [symbol.name for symbol in tracked]
    trading = all(symbol.status is SymbolStatus.TRADING for symbol in tracked)
    try:
        listed = rest.fetch_exchange_info(names if trading else None).symbols
    except UnknownSymbol:
        listed = rest.fetch_exchange_info().symbols
    platform.warehouse.symbols.update_status(
        [listed.get(symbol.name) or _mark_delisted(symbol) for symbol in tracked]
    )


def refresh_status(platform: PipelineContext, name: str) -> SymbolStatus:
    """Take over the status of one symbol, and answer it. Raises ExchangeError, WarehouseError."""
    known = platform.warehouse.symbols.get_symbol(name)
    rest = platform.exchange.rest
    try:
        # The list that names no symbol, where one that names this would be rejected.
        gone = known.status is SymbolStatus.DELISTED
        listed = rest.fetch_exchange_info(None if gone else [name]).symbols
    except UnknownSymbol:
        listed = {}
    symbol = listed.get(name) or _mark_delisted(known)
    platform.warehouse.symbols.update_status([symbol])
    return symbol.status


def require_delisted(platform: PipelineContext, name: str, error: NotListed) -> None:
    """Record that a symbol is gone. Raises the error where the exchange's list does have it."""
    if refresh_status(platform, name) is not SymbolStatus.DELISTED:
        raise error


def refresh_delisted_status(platform: PipelineContext, name: str) -> None:
    """Ask whether a symbol that was gone from the exchange's list has come back to it."""
    if not is_listed(platform, name):
        refresh_status(platform, name)


def refresh_inactive_status(platform: PipelineContext, name: str) -> None:
    """Take over the status of a symbol that has new candles, and did not trade as far as known."""
    if platform.warehouse.symbols.get_symbol(name).status is not SymbolStatus.TRADING:
        refresh_status(platform, name)


def is_listed(platform: PipelineContext, name: str) -> bool:
    """Whether the exchange listed the symbol when it was last asked: else REST is not asked."""
    return platform.warehouse.symbols.get_symbol(name).status is not SymbolStatus.DELISTED


def has_ended(platform: PipelineContext, symbol: RegisteredSymbol, newest: int) -> bool:
    """Whether it trades no more, and the ledger says so of the minutes after its newest candle."""
    if symbol.status is SymbolStatus.TRADING:
        return False
    after = floor_ms(newest, MINUTE_MS) + MINUTE_MS
    gaps = platform.warehouse.gap_ledger.list_gaps(symbol.name, Window(after, after + MINUTE_MS))
    return any(gap.gap_class is GapClass.DELISTED for gap in gaps)


def is_gone(platform: PipelineContext, symbol: RegisteredSymbol, newest: int | None) -> bool:
    """Whether the exchange lists it no longer, and its end is in the ledger: nothing is asked."""
    gone = symbol.status is SymbolStatus.DELISTED
    return gone and (newest is None or has_ended(platform, symbol, newest))


def find_end_ms(platform: PipelineContext, name: str) -> int | None:
    """End of the last minute (epoch ms) of a symbol that is gone; None of any other."""
    newest = platform.warehouse.watermarks.get_watermark(name).last_open_time
    symbol = platform.warehouse.symbols.get_symbol(name)
    if newest is None or not is_gone(platform, symbol, newest):
        return None
    return floor_ms(newest, MINUTE_MS) + MINUTE_MS


def list_trading_names(symbols: Sequence[RegisteredSymbol]) -> list[str]:
    """Names of those that trade; others have no order book that is worth asking for."""
    return [symbol.name for symbol in symbols if symbol.status is SymbolStatus.TRADING]


def _mark_delisted(symbol: RegisteredSymbol) -> Symbol:
    known = Symbol(symbol.name, symbol.base, symbol.quote, symbol.status, symbol.tick_size)
    return replace(known, status=SymbolStatus.DELISTED)
