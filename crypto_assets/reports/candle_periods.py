"""Read candles of any interval: closed periods from stored rows, the newest ones from finer rows.

The stored intervals are 1m, 1h and 1d. A wider interval is rolled up from the coarsest stored one
that divides it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import LAST_PART_COLUMNS, roll_up
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.reports.row_limit import RowLimit
from crypto_assets.warehouse import Warehouse, Watermark

# How far before the newest minute missing aggregates are replaced by finer rows. Further back an
# aggregation is overdue: the chart shows a gap until it has run, instead of reading a year of rows.
_LOOKBACK_MS = {Interval.H1: DAY_MS, Interval.D1: 7 * DAY_MS}
_FINER = {Interval.H1: Interval.M1, Interval.D1: Interval.H1}
_CLOSE_COLUMNS = frozenset({"open_time", "close"})


@dataclass(frozen=True)
class CandlePeriodQuery:
    """A symbol, an interval and columns; minutes are known before `known_until` (epoch ms)."""

    symbol: str
    interval: Interval
    known_until: int
    columns: frozenset[str]

    @property
    def column_names(self) -> list[str]:
        """The columns in the order of a candle table."""
        return [name for name in CANDLE_COLUMNS if name in self.columns]


def find_known_until(warehouse: Warehouse, symbol: str) -> int | None:
    """Return the end of the newest stored minute (epoch ms), None before the first load."""
    return _compute_known_until(warehouse.watermarks.get_readable_watermark(symbol))


def _compute_known_until(watermark: Watermark) -> int | None:
    newest = watermark.last_open_time
    return None if newest is None else floor_ms(newest, MINUTE_MS) + MINUTE_MS


def read_candle_periods(
    warehouse: Warehouse, query: CandlePeriodQuery, window: Window, limit: RowLimit
) -> pa.Table:
    """Read the candles that open in the window, within the limit, oldest first."""
    if not window:
        return CANDLE_SCHEMA.empty_table().select(query.column_names)
    closed_window, recent_window = _split_window(warehouse, query, window)
    recent = _read_recent_periods(warehouse, query, recent_window)
    closed_limit = limit.extend(-recent.num_rows) if limit.from_end else limit
    if closed_limit.count == 0:
        return limit.apply(recent)
    closed = warehouse.resampled_candles.read_candles(
        query.symbol,
        _find_stored_interval(query.interval),
        query.interval,
        closed_window,
        columns=query.columns,
        limit=closed_limit.count,
        newest=closed_limit.from_end,
    )
    return limit.apply(pa.concat_tables([closed, recent]))


def read_closes(
    warehouse: Warehouse, symbols: Iterable[str], interval: Interval, window: Window
) -> dict[str, pa.Table]:
    """Read `open_time` and `close` of the candles that open in the window, by symbol.

    Costs fewer queries than one read per symbol. Raises UnknownSymbol.
    """
    watermarks = warehouse.watermarks.get_all_readable()
    queries = [
        CandlePeriodQuery(
            symbol,
            interval,
            _compute_known_until(watermarks.get(symbol, Watermark())) or 0,
            _CLOSE_COLUMNS,
        )
        for symbol in symbols
    ]
    windows = [
        _split_window(warehouse, query, window & Window(0, query.known_until)) for query in queries
    ]
    closed = warehouse.resampled_candles.read_closes(
        {query.symbol: window for query, (window, _) in zip(queries, windows, strict=True)},
        _find_stored_interval(interval),
        interval,
    )
    return {
        query.symbol: pa.concat_tables(
            [closed[query.symbol], _read_recent_periods(warehouse, query, recent_window)]
        )
        for query, (_, recent_window) in zip(queries, windows, strict=True)
    }


def read_period_parts(
    warehouse: Warehouse, symbol: str, stored: Interval, window: Window, known_until: int
) -> pa.Table:
    """Read rows of a stored interval (1m, 1h, 1d), followed by finer rows for the time after them.

    The result for 1d is days, then the hours of the current day, then the minutes of the current
    hour.
    """
    if stored is Interval.M1:
        return warehouse.facts.read_candles(symbol, window)
    closed = warehouse.aggregates.read_candles(symbol, stored, window).select(CANDLE_COLUMNS)
    after = closed["open_time"][-1].as_py() + stored.ms if closed.num_rows else window.start_ms
    earliest = stored.floor(known_until - _LOOKBACK_MS[stored])
    rest = Window(max(after, earliest), window.end_ms)
    if not rest:
        return closed
    return pa.concat_tables(
        [closed, read_period_parts(warehouse, symbol, _FINER[stored], rest, known_until)]
    )


def _read_recent_periods(
    warehouse: Warehouse, query: CandlePeriodQuery, window: Window
) -> pa.Table:
    """Roll up the periods of the window from the parts stored so far.

    The close of a single period is the close of its newest minute, so one row is enough. Where
    that minute is missing, the period is rolled up from its parts.
    """
    if not window:
        return CANDLE_SCHEMA.empty_table().select(query.column_names)
    is_single_period = query.interval.floor(window.end_ms - 1) == window.start_ms
    if is_single_period and query.columns <= LAST_PART_COLUMNS:
        parts = warehouse.facts.read_candles(query.symbol, window, limit=1, newest=True)
        if parts.num_rows:
            return roll_up(parts, query.interval).select(query.column_names)
    stored = _find_stored_interval(query.interval)
    parts = read_period_parts(warehouse, query.symbol, stored, window, query.known_until)
    return roll_up(parts, query.interval).select(query.column_names)


def _split_window(
    warehouse: Warehouse, query: CandlePeriodQuery, window: Window
) -> tuple[Window, Window]:
    """Split a window where the stored rows of its interval end; both parts lie on the grid.

    The first part is complete in the stored rows. The second part needs finer rows too.
    """
    window = Window(query.interval.ceil(window.start_ms), query.interval.ceil(window.end_ms))
    stored = _find_stored_interval(query.interval)
    if stored is Interval.M1 or not window:
        return window, Window(window.end_ms, window.end_ms)
    newest = warehouse.aggregates.read_candles(query.symbol, stored, window, limit=1, newest=True)
    stored_until = (
        newest["open_time"][0].as_py() + stored.ms if newest.num_rows else window.start_ms
    )
    return window.split_at(query.interval.floor(stored_until))


def _find_stored_interval(interval: Interval) -> Interval:
    """Return the coarsest stored interval that divides this one."""
    return next(
        stored for stored in (Interval.D1, Interval.H1, Interval.M1) if interval.ms >= stored.ms
    )
