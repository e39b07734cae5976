"""Tracked symbols with what pages and routes show of them."""

from dataclasses import dataclass

from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.symbols import RegisteredSymbol


@dataclass(frozen=True)
class Instrument:
    """A tracked symbol; `digits` is the number of decimals of its tick size."""

    symbol: str
    base: str
    quote: str
    digits: int
    trading: bool


def list_instruments(warehouse: Warehouse) -> list[Instrument]:
    """List tracked symbols, oldest registration first."""
    return [_build_instrument(symbol) for symbol in warehouse.symbols.list_tracked()]


def _build_instrument(symbol: RegisteredSymbol) -> Instrument:
    exponent = symbol.tick_size.normalize().as_tuple().exponent
    return Instrument(
        symbol=symbol.name,
        base=symbol.base,
        quote=symbol.quote,
        digits=max(0, -exponent) if isinstance(exponent, int) else 0,
        trading=symbol.status is SymbolStatus.TRADING,
    )
