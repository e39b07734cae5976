"""The dashboard: a tile per tracked symbol, totals, and symbols that need attention."""

from dataclasses import dataclass
from enum import StrEnum

import pyarrow.compute as pc

from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.staleness import ExchangeCondition, SymbolState
from crypto_assets.market.utc_time import MINUTE_MS, floor_ms
from crypto_assets.reports.instruments import Instrument, list_instruments
from crypto_assets.reports.status import read_symbol_states
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


class Concern(StrEnum):
    EMPTY = "empty"  # tracked, but without a candle
    STALE = "silent"  # trading, but stale by `StalenessPolicy`
    GAPS = "gaps"  # minutes are missing without an explanation
    NOT_TRADING = "not_trading"  # the exchange publishes no new candles


@dataclass(frozen=True)
class AttentionItem:
    """A symbol that needs attention, and why.

    `amount` is the age of the newest candle in ms for STALE, the number of missing minutes for
    GAPS, and 0 otherwise.
    """

    concern: Concern
    symbol: str
    amount: int = 0


@dataclass(frozen=True)
class SymbolTile:
    """A summary of one symbol; `statistics` is None if no candle is stored.

    `sparkline` holds the opening price of the 24 hours of `statistics` and their hourly closes,
    oldest first. `lag_ms` is the time since the newest candle ended, by this machine's clock.
    """

    instrument: Instrument
    state: SymbolState
    statistics: TickerStatistics | None = None
    sparkline: tuple[float, ...] = ()
    lag_ms: int | None = None


@dataclass(frozen=True)
class TotalChanges:
    """Differences between the current totals and those at `since` (epoch ms).

    Totals are recorded once an hour, so `since` is 24 to 25 hours ago. It is earlier if the
    pipeline was stopped, and later in an installation younger than a day. `lag_ms` is None if there
    was no candle at either time.
    """

    since: int
    candles: int
    objects: int
    lake_bytes: int
    warehouse_bytes: int
    lag_ms: int | None


@dataclass(frozen=True)
class Dashboard:
    """The dashboard as of an instant (epoch ms).

    `candles` counts all stored minutes, including those of untracked symbols. `lag_ms` is the
    largest lag of the trading symbols, None before their first candle. `changes` is None until
    `crypto-assets init` has recorded the first totals.
    """

    as_of: int
    tiles: tuple[SymbolTile, ...]
    candles: int
    storage: StorageUsage
    lag_ms: int | None
    changes: TotalChanges | None
    attention: tuple[AttentionItem, ...]


def build_dashboard(
    warehouse: Warehouse,
    now_ms: int,
    default_ingest_minutes: int,
    exchange: ExchangeCondition,
) -> Dashboard:
    """Build the dashboard; reads some hundred rows per symbol, all by key.

    `default_ingest_minutes` is the ingest interval if users have set none.
    """
    states = read_symbol_states(warehouse, now_ms, default_ingest_minutes, exchange)
    coverages = {coverage.symbol: coverage for coverage in warehouse.coverage.list_by_symbol()}
    tiles = tuple(
        _build_tile(
            warehouse,
            instrument,
            states[instrument.symbol],
            coverages[instrument.symbol],
            now_ms,
        )
        for instrument in list_instruments(warehouse)
        if instrument.symbol in coverages and instrument.symbol in states
    )
    total = warehouse.totals.measure_current(now_ms)
    return Dashboard(
        as_of=now_ms,
        tiles=tiles,
        candles=total.candles,
        storage=StorageUsage(total.lake, total.warehouse_bytes),
        lag_ms=total.lag_ms,
        changes=_compute_changes(total, warehouse.totals.find_snapshot_day_ago(now_ms)),
        attention=tuple(
            item
            for tile in tiles
            for item in _list_attention_items(tile, coverages[tile.instrument.symbol])
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
    warehouse: Warehouse,
    instrument: Instrument,
    state: SymbolState,
    coverage: SymbolCoverage,
    now_ms: int,
) -> SymbolTile:
    if coverage.last_open_time is None:
        return SymbolTile(instrument, state)
    known_until = floor_ms(coverage.last_open_time, MINUTE_MS) + MINUTE_MS
    day = read_day_parts(warehouse, instrument.symbol, known_until)
    return SymbolTile(
        instrument,
        state,
        statistics=(statistics := summarize_day(instrument.symbol, day)),
        sparkline=_build_sparkline(day, statistics),
        lag_ms=coverage.lag_ms(now_ms),
    )


def _build_sparkline(day: DayParts, statistics: TickerStatistics | None) -> tuple[float, ...]:
    """Return the prices of the 24 hours, so that the line begins where the change is counted."""
    if statistics is None:
        return ()
    hours = roll_up(day.hours, Interval.H1)
    closes = hours.filter(pc.greater_equal(hours["open_time"], day.first_hour))["close"]
    return tuple(float(price) for price in [statistics.open, *closes.to_pylist()])


def _list_attention_items(tile: SymbolTile, coverage: SymbolCoverage) -> list[AttentionItem]:
    items = []
    if tile.lag_ms is None:
        items.append(AttentionItem(Concern.EMPTY, coverage.symbol))
    elif tile.state is SymbolState.NOT_TRADING:
        items.append(AttentionItem(Concern.NOT_TRADING, coverage.symbol))
    elif tile.state is SymbolState.DELAYED:
        items.append(AttentionItem(Concern.STALE, coverage.symbol, tile.lag_ms))
    if coverage.missing_minutes:
        items.append(AttentionItem(Concern.GAPS, coverage.symbol, coverage.missing_minutes))
    return items
