"""The dashboard: a tile for each tracked symbol, totals, and what needs a person's attention."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.analytics import resample_candles
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, floor_ms
from crypto_assets.reports.instruments import Instrument, list_instruments
from crypto_assets.reports.storage import StorageUsage
from crypto_assets.reports.ticker_statistics import (
    DayParts,
    TickerStatistics,
    read_day_parts,
    summarize_day,
)
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.stats.coverage import SymbolCoverage
from crypto_assets.warehouse.stats.totals import StoredTotals, TotalsSnapshot

SPARKLINE_HOURS = 48


class Concern(StrEnum):
    EMPTY = "empty"  # tracked, and not one candle
    SILENT = "silent"  # stale by `StalenessPolicy`
    GAPS = "gaps"  # minutes are missing and nobody knows why yet
    NOT_TRADING = "not_trading"  # the exchange prints no more candles


@dataclass(frozen=True)
class AttentionItem:
    """Something a person should know of a symbol.

    `amount` is the silence in ms, or the count of missing minutes; 0 where there is nothing to
    count.
    """

    concern: Concern
    symbol: str
    amount: int = 0


@dataclass(frozen=True)
class SymbolTile:
    """One symbol at a glance; without `statistics` nothing is held of it.

    `sparkline` holds hourly closes of the last 48 hours, oldest first; `lag_ms` is the age of the
    newest candle's end by this machine's clock.
    """

    instrument: Instrument
    statistics: TickerStatistics | None = None
    sparkline: tuple[float, ...] = ()
    lag_ms: int | None = None


@dataclass(frozen=True)
class TotalChanges:
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
    tiles: tuple[SymbolTile, ...]
    candles: int
    storage: StorageUsage
    lag_ms: int | None
    changes: TotalChanges | None
    attention: tuple[AttentionItem, ...]


def build_dashboard(warehouse: Warehouse, now_ms: int, default_ingest_minutes: int) -> Dashboard:
    """Read some hundred rows per symbol, all by key, whatever the warehouse holds.

    `default_ingest_minutes` is the ingest interval where users have set none.
    """
    held = {coverage.symbol: coverage for coverage in warehouse.coverage.list_by_symbol()}
    known = [one for one in list_instruments(warehouse) if one.symbol in held]
    tiles = tuple(_build_tile(warehouse, one, held[one.symbol], now_ms) for one in known)
    total = warehouse.totals.measure_current(now_ms)
    stale = warehouse.staleness.list_stale_symbols(default_ingest_minutes, now_ms, now_ms)
    stale_names = {one.symbol for one in stale}
    return Dashboard(
        as_of=now_ms,
        tiles=tiles,
        candles=total.candles,
        storage=StorageUsage(total.lake, total.warehouse_bytes),
        lag_ms=total.lag_ms,
        changes=_compute_changes(total, warehouse.totals.find_snapshot_day_ago(now_ms)),
        attention=tuple(
            concern
            for tile in tiles
            for concern in _list_attention_items(tile, held[tile.instrument.symbol], stale_names)
        ),
    )


def _compute_changes(now: StoredTotals, then: TotalsSnapshot | None) -> TotalChanges | None:
    if then is None:
        return None
    lags = (now.lag_ms, then.lag_ms)
    return TotalChanges(
        since=then.taken_at,
        candles=now.candles - then.candles,
        objects=now.objects - then.objects,
        lake_bytes=now.lake_bytes - then.lake_bytes,
        warehouse_bytes=now.warehouse_bytes - then.warehouse_bytes,
        lag_ms=None if lags[0] is None or lags[1] is None else lags[0] - lags[1],
    )


def _build_tile(
    warehouse: Warehouse, instrument: Instrument, held: SymbolCoverage, now_ms: int
) -> SymbolTile:
    if held.last_open_time is None:
        return SymbolTile(instrument)
    until = floor_ms(held.last_open_time, MINUTE_MS) + MINUTE_MS
    day = read_day_parts(warehouse, instrument.symbol, until, SPARKLINE_HOURS)
    return SymbolTile(
        instrument,
        statistics=summarize_day(instrument.symbol, day),
        sparkline=_build_sparkline(day),
        lag_ms=held.lag_ms(now_ms),
    )


def _build_sparkline(day: DayParts) -> tuple[float, ...]:
    closes = resample_candles(day.hours, Interval.H1)["close"]
    return tuple(float(close) for close in closes.to_pylist())


def _list_attention_items(
    tile: SymbolTile, held: SymbolCoverage, stale_names: set[str]
) -> list[AttentionItem]:
    found = []
    if tile.lag_ms is None:
        found.append(AttentionItem(Concern.EMPTY, held.symbol))
    elif not tile.instrument.trading:
        found.append(AttentionItem(Concern.NOT_TRADING, held.symbol))
    elif held.symbol in stale_names:
        found.append(AttentionItem(Concern.SILENT, held.symbol, tile.lag_ms))
    if held.missing_minutes:
        found.append(AttentionItem(Concern.GAPS, held.symbol, held.missing_minutes))
    return found
