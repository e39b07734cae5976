"""Fetches and interprets the status of tracked symbols: trading, halted, or delisted."""

from collections.abc import Sequence
from dataclasses import replace

from crypto_assets.errors import NotListed, UnknownSymbol
from crypto_assets.market.symbols import Symbol, SymbolStatus
from crypto_assets.market.utc_time import MINUTE_MS, Window, minute_end_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import GapClass, RegisteredSymbol, Warehouse


def refresh_statuses(context: PipelineContext) -> None:
    """Fetch and store status and tick size of all tracked symbols: weight 20.

    If all of them traded, requests them by name. Otherwise one may be gone, and a request that
    names it would be rejected: then requests the exchange's whole list, which also includes a
    symbol that has returned. Raises ExchangeError, WarehouseError.
    """
    tracked = context.warehouse.symbols.list_tracked()
    if not tracked:
        return
    rest = context.exchange.rest
    names = [symbol.name for symbol in tracked]
    trading = all(symbol.status is SymbolStatus.TRADING for symbol in tracked)
    try:
        listed = rest.fetch_exchange_info(names if trading else None).symbols
    except UnknownSymbol:
        listed = rest.fetch_exchange_info().symbols
    context.warehouse.symbols.update_status(
        [listed.get(symbol.name) or _mark_delisted(symbol) for symbol in tracked]
    )


def refresh_status(context: PipelineContext, name: str) -> SymbolStatus:
    """Fetch, store and return the status of one symbol. Raises ExchangeError, WarehouseError."""
    known = context.warehouse.symbols.get_symbol(name)
    rest = context.exchange.rest
    try:
        # A request that names a delisted symbol is rejected, so request the whole list.
        gone = known.status is SymbolStatus.DELISTED
        listed = rest.fetch_exchange_info(None if gone else [name]).symbols
    except UnknownSymbol:
        listed = {}
    symbol = listed.get(name) or _mark_delisted(known)
    context.warehouse.symbols.update_status([symbol])
    return symbol.status


def require_delisted(context: PipelineContext, name: str, error: NotListed) -> None:
    """Record that a symbol is delisted. Raises `error` if the exchange's list has the symbol."""
    if refresh_status(context, name) is not SymbolStatus.DELISTED:
        raise error


def refresh_delisted_status(context: PipelineContext, name: str) -> None:
    """Check whether a delisted symbol is listed again."""
    if not is_listed(context, name):
        refresh_status(context, name)


def refresh_inactive_status(context: PipelineContext, name: str) -> None:
    """Refresh the status of a symbol that has new candles but is stored as not trading."""
    if context.warehouse.symbols.get_symbol(name).status is not SymbolStatus.TRADING:
        refresh_status(context, name)


def is_listed(context: PipelineContext, name: str) -> bool:
    """Whether the exchange listed the symbol at the last refresh; REST has only listed symbols."""
    return context.warehouse.symbols.get_symbol(name).status is not SymbolStatus.DELISTED


def has_ended(warehouse: Warehouse, symbol: RegisteredSymbol, newest: int) -> bool:
    """Whether a symbol no longer trades, and a delisted gap follows its newest open time."""
    if symbol.status is SymbolStatus.TRADING:
        return False
    after = minute_end_ms(newest)
    gaps = warehouse.gap_ledger.list_gaps(symbol.name, Window(after, after + MINUTE_MS))
    return any(gap.gap_class is GapClass.DELISTED for gap in gaps)


def is_gone(warehouse: Warehouse, symbol: RegisteredSymbol, newest: int | None) -> bool:
    """Whether a symbol is delisted and nothing more is expected after its newest candle."""
    gone = symbol.status is SymbolStatus.DELISTED
    return gone and (newest is None or has_ended(warehouse, symbol, newest))


def find_end_ms(warehouse: Warehouse, name: str) -> int | None:
    """End of the last minute (epoch ms) of a symbol that is gone; None for any other."""
    newest = warehouse.watermarks.get_watermark(name).last_open_time
    symbol = warehouse.symbols.get_symbol(name)
    if newest is None or not is_gone(warehouse, symbol, newest):
        return None
    return minute_end_ms(newest)


def list_trading_names(symbols: Sequence[RegisteredSymbol]) -> list[str]:
    """Names of the symbols that trade: only these have an order book worth fetching."""
    return [symbol.name for symbol in symbols if symbol.status is SymbolStatus.TRADING]


def _mark_delisted(symbol: RegisteredSymbol) -> Symbol:
    known = Symbol(symbol.name, symbol.base, symbol.quote, symbol.status, symbol.tick_size)
    return replace(known, status=SymbolStatus.DELISTED)
