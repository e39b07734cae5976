"""Symbols with what pages and routes show of them."""

from dataclasses import dataclass

from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.symbols import RegisteredSymbol


@dataclass(frozen=True)
class Instrument:
    """A symbol; `digits` is the number of decimals of its tick size."""

    symbol: str
    base: str
    quote: str
    digits: int
    trading: bool
    is_tracked: bool = True


def list_instruments(warehouse: Warehouse) -> list[Instrument]:
    """List tracked symbols, oldest registration first."""
    return [_build_instrument(symbol) for symbol in warehouse.symbols.list_tracked()]


def list_all_instruments(warehouse: Warehouse) -> list[Instrument]:
    """List the tracked symbols, then the untracked ones, whose data is still stored."""
    symbols = warehouse.symbols.list_all()
    return [
        _build_instrument(each) for each in sorted(symbols, key=lambda each: not each.is_tracked)
    ]


def _build_instrument(symbol: RegisteredSymbol) -> Instrument:
    exponent = symbol.tick_size.normalize().as_tuple().exponent
    return Instrument(
        symbol=symbol.name,
        base=symbol.base,
        quote=symbol.quote,
        digits=max(0, -exponent) if isinstance(exponent, int) else 0,
        trading=symbol.status is SymbolStatus.TRADING,
        is_tracked=symbol.is_tracked,
    )
