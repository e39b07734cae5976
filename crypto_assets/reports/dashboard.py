"""The dashboard: a tile for each tracked symbol, totals, and what needs a person's attention."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.analytics import resample_candles
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, floor_ms
from crypto_assets.reports.instruments import Instrument, read_instruments
from crypto_assets.reports.storage import Storage
from crypto_assets.reports.ticker_statistics import DayParts, Statistics, read_day, summarise
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.stats.coverage import SymbolCoverage
from crypto_assets.warehouse.stats.totals import StoredTotals, TotalsSnapshot

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
    newest candle's end by this machine's clock.
    """

    instrument: Instrument
    statistics: Statistics | None = None
    sparkline: tuple[float, ...] = ()
    lag_ms: int | None = None


@dataclass(frozen=True)
class Changes:
    """The totals less what they were at `since` (epoch ms): negative where less is held than then.

    `since` is 24 hours ago, or up to an hour earlier (totals are noted once an hour); further back
    where the pipeline stood still meanwhile, and later in a home that is younger than a day.
    `lag_ms` is None where there was no candle then or now.
    """

    since: int
    candles: int
    objects: int
    lake_bytes: int
    warehouse_bytes: int
    lag_ms: int | None


@dataclass(frozen=True)
class Dashboard:
    """`lag_ms` is the largest of the trading symbols', None before their first candle.

    `candles` counts the minutes that are held, of symbols no longer tracked too. `changes` is None
    before totals were first noted, which `crypto-assets init` does.
    """

    as_of: int
    tiles: tuple[Tile, ...]
    candles: int
    storage: Storage
    lag_ms: int | None
    changes: Changes | None
    attention: tuple[Attention, ...]


def read_dashboard(warehouse: Warehouse, now_ms: int) -> Dashboard:
    """Some hundred rows a symbol, all by key, whatever the warehouse holds."""
    held = {coverage.symbol: coverage for coverage in warehouse.coverage.list_by_symbol()}
    known = [one for one in read_instruments(warehouse) if one.symbol in held]
    tiles = tuple(_tile(warehouse, one, held[one.symbol], now_ms) for one in known)
    total = warehouse.totals.measure_current(now_ms)
    return Dashboard(
        as_of=now_ms,
        tiles=tiles,
        candles=total.candles,
        storage=Storage(total.lake, total.warehouse_bytes),
        lag_ms=total.lag_ms,
        changes=_changes(total, warehouse.totals.find_snapshot_day_ago(now_ms)),
        attention=tuple(
            concern for tile in tiles for concern in _concerns(tile, held[tile.instrument.symbol])
        ),
    )


def _changes(now: StoredTotals, then: TotalsSnapshot | None) -> Changes | None:
    if then is None:
        return None
    lags = (now.lag_ms, then.lag_ms)
    return Changes(
        since=then.taken_at,
        candles=now.candles - then.candles,
        objects=now.objects - then.objects,
        lake_bytes=now.lake_bytes - then.lake_bytes,
        warehouse_bytes=now.warehouse_bytes - then.warehouse_bytes,
        lag_ms=None if lags[0] is None or lags[1] is None else lags[0] - lags[1],
    )


def _tile(warehouse: Warehouse, instrument: Instrument, held: SymbolCoverage, now_ms: int) -> Tile:
    if held.last_open_time is None:
        return Tile(instrument)
    until = floor_ms(held.last_open_time, MINUTE_MS) + MINUTE_MS
    day = read_day(warehouse, instrument.symbol, until, SPARKLINE_HOURS)
    return Tile(
        instrument,
        statistics=summarise(instrument.symbol, day),
        sparkline=_sparkline(day),
        lag_ms=held.lag_ms(now_ms),
    )


def _sparkline(day: DayParts) -> tuple[float, ...]:
    closes = resample_candles(day.hours, Interval.H1)["close"]
    return tuple(float(close) for close in closes.to_pylist())


def _concerns(tile: Tile, held: SymbolCoverage) -> list[Attention]:
    found = []
    if tile.lag_ms is None:
        found.append(Attention(Concern.EMPTY, held.symbol))
    elif not tile.instrument.trading:
        found.append(Attention(Concern.NOT_TRADING, held.symbol))
    elif tile.lag_ms > SILENT_MS:
        found.append(Attention(Concern.SILENT, held.symbol, tile.lag_ms))
    if held.missing_minutes:
        found.append(Attention(Concern.GAPS, held.symbol, held.missing_minutes))
    return found
