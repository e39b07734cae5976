"""The dashboard: a tile for each tracked symbol, totals, and what needs a person's attention."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.analytics import resample
from crypto_assets.market.clock import MINUTE_MS, floor_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.reports.statistics import DayParts, Statistics, read_day, summarise
from crypto_assets.reports.storage import Storage, read_storage
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.coverage import SymbolCoverage
from crypto_assets.warehouse.symbols import TrackedSymbol

SPARKLINE_HOURS = 48
# The calmest ingest set by default runs every five minutes; three of them missed is silence.
SILENT_MS = 15 * MINUTE_MS


class Concern(StrEnum):
    EMPTY = "empty"  # tracked, and not one candle
    SILENT = "silent"  # trading, and no new candle for too long
    GAPS = "gaps"  # minutes are missing and nobody knows why yet
    NOT_TRADING = "not_trading"  # the exchange prints no more candles


@dataclass(frozen=True)
class Attention:
    """Something a person should know of a symbol.

    `amount` is the silence in ms, or the count of missing minutes; 0 where there is nothing to
    count.
    """

    concern: Concern
    symbol: str
    amount: int = 0


@dataclass(frozen=True)
class Tile:
    """One symbol at a glance; without `statistics` nothing is held of it.

    `sparkline` holds hourly closes of the last 48 hours, oldest first; `lag_ms` is the age of the
    newest candle's end by this machine's clock, and `digits` the decimals of a price.
    """

    symbol: str
    base: str
    quote: str
    digits: int
    trading: bool
    statistics: Statistics | None = None
    sparkline: tuple[float, ...] = ()
    lag_ms: int | None = None


@dataclass(frozen=True)
class Dashboard:
    """`lag_ms` is the largest of the trading symbols', None before their first candle.

    `candles` counts the minutes that are held.
    """

    as_of: int
    tiles: tuple[Tile, ...]
    candles: int
    storage: Storage
    lag_ms: int | None
    attention: tuple[Attention, ...]


def price_digits(symbol: TrackedSymbol) -> int:
    """Decimals of a price: as many as its tick size has."""
    exponent = symbol.tick_size.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def read_dashboard(warehouse: Warehouse, now_ms: int) -> Dashboard:
    """Some hundred rows a symbol, all by key, whatever the warehouse holds."""
    held = {coverage.symbol: coverage for coverage in warehouse.coverage.symbols()}
    symbols = [symbol for symbol in warehouse.symbols.tracked() if symbol.name in held]
    tiles = tuple(_tile(warehouse, symbol, held[symbol.name], now_ms) for symbol in symbols)
    return Dashboard(
        as_of=now_ms,
        tiles=tiles,
        candles=sum(coverage.rows for coverage in held.values()),
        storage=read_storage(warehouse),
        lag_ms=max((t.lag_ms for t in tiles if t.trading and t.lag_ms is not None), default=None),
        attention=tuple(
            concern for tile in tiles for concern in _concerns(tile, held[tile.symbol])
        ),
    )


def _tile(warehouse: Warehouse, symbol: TrackedSymbol, held: SymbolCoverage, now_ms: int) -> Tile:
    day = None
    if held.last_open_time is not None:
        until = floor_ms(held.last_open_time, MINUTE_MS) + MINUTE_MS
        day = read_day(warehouse, symbol.name, until, SPARKLINE_HOURS)
    return Tile(
        symbol=symbol.name,
        base=symbol.base,
        quote=symbol.quote,
        digits=price_digits(symbol),
        trading=symbol.status is SymbolStatus.TRADING,
        statistics=summarise(symbol.name, day) if day else None,
        sparkline=_sparkline(day) if day else (),
        lag_ms=held.lag_ms(now_ms),
    )


def _sparkline(day: DayParts) -> tuple[float, ...]:
    closes = resample(day.hours, Interval.H1)["close"]
    return tuple(float(close) for close in closes.to_pylist())


def _concerns(tile: Tile, held: SymbolCoverage) -> list[Attention]:
    found = []
    if tile.lag_ms is None:
        found.append(Attention(Concern.EMPTY, tile.symbol))
    elif not tile.trading:
        found.append(Attention(Concern.NOT_TRADING, tile.symbol))
    elif tile.lag_ms > SILENT_MS:
        found.append(Attention(Concern.SILENT, tile.symbol, tile.lag_ms))
    if held.missing_minutes:
        found.append(Attention(Concern.GAPS, tile.symbol, held.missing_minutes))
    return found
