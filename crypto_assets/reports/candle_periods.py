"""Periods of any interval: from the coarsest table that serves, the last ones from their parts."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.analytics import resample_candles
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import LAST_PART_COLUMNS
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.warehouse import Warehouse, Watermark

# Where an aggregate is not there yet, how far back its parts are read instead. Beyond that an
# aggregation is due, and a chart that waits for it shows a hole rather than reading a year.
_LOOKBACK_MS = {Interval.H1: DAY_MS, Interval.D1: 7 * DAY_MS}
_FINER = {Interval.H1: Interval.M1, Interval.D1: Interval.H1}
_CLOSE_COLUMNS = frozenset({"open_time", "close"})


@dataclass(frozen=True)
class CandlePeriodQuery:
    """Whose candles, known until when, and what of them."""

    symbol: str
    interval: Interval
    until: int
    columns: frozenset[str]

    @property
    def column_names(self) -> list[str]:
        return [name for name in CANDLE_COLUMNS if name in self.columns]


def find_known_until(warehouse: Warehouse, symbol: str) -> int | None:
    """End of the newest minute that is held (epoch ms), None before the first load."""
    return _compute_known_until(warehouse.watermarks.get_readable_watermark(symbol))


def _compute_known_until(mark: Watermark) -> int | None:
    newest = mark.last_open_time
    return None if newest is None else floor_ms(newest, MINUTE_MS) + MINUTE_MS


def read_candle_periods(
    warehouse: Warehouse, asked: CandlePeriodQuery, window: Window, limit: int | None, newest: bool
) -> pa.Table:
    """Candles that open in the window, at most `limit`, oldest first.

    `newest` has a limit keep the window's end instead of its start.
    """
    if not window:
        return CANDLE_SCHEMA.empty_table().select(asked.column_names)
    rolled, unrolled = _split_stored_window(warehouse, asked, window)
    last = _read_forming_periods(warehouse, asked, unrolled)
    room = limit if limit is None or not newest else max(0, limit - last.num_rows)
    if room == 0:
        return limit_rows(last, limit or 0, newest)
    first = _read_closed_periods(warehouse, asked, rolled, room, newest)
    table = pa.concat_tables([first, last])
    return table if limit is None else limit_rows(table, limit, newest)


def limit_rows(table: pa.Table, limit: int, newest: bool) -> pa.Table:
    """One end of a table."""
    return table.slice(max(0, table.num_rows - limit) if newest else 0, limit)


def read_closes(
    warehouse: Warehouse, symbols: Iterable[str], interval: Interval, window: Window
) -> dict[str, pa.Table]:
    """`open_time` and `close` of the candles that open in the window, by symbol.

    For who looks at no more, of many symbols at once. Raises UnknownSymbol.
    """
    marks = warehouse.watermarks.get_all_readable()
    ends = {symbol: _compute_known_until(marks.get(symbol, Watermark())) or 0 for symbol in symbols}
    asked = [
        CandlePeriodQuery(symbol, interval, until, _CLOSE_COLUMNS) for symbol, until in ends.items()
    ]
    spans = [
        _split_stored_window(warehouse, each, window & Window(0, each.until)) for each in asked
    ]
    windows = {each.symbol: rolled for each, (rolled, _) in zip(asked, spans, strict=True)}
    closed = warehouse.resampled_candles.read_closes(
        windows, _find_stored_interval(interval), interval
    )
    return {
        each.symbol: pa.concat_tables(
            [closed[each.symbol], _read_forming_periods(warehouse, each, unrolled)]
        )
        for each, (_, unrolled) in zip(asked, spans, strict=True)
    }


def read_period_parts(
    warehouse: Warehouse,
    symbol: str,
    stored: Interval,
    window: Window,
    until: int,
    limit: int | None = None,
    newest: bool = False,
) -> pa.Table:
    """Rows of a stored interval (1m, 1h, 1d), and after the newest of them the finer ones.

    The closed hours of a day, then the minutes of the hour: what `resample` makes one period of.
    """
    if stored is Interval.M1:
        return warehouse.facts.read_candles(symbol, window, limit=limit, newest=newest)
    closed = warehouse.aggregates.read_candles(symbol, stored, window, limit=limit, newest=newest)
    closed = closed.select(CANDLE_COLUMNS)
    if limit is not None and not newest and closed.num_rows >= limit:
        return closed
    after = closed["open_time"][-1].as_py() + stored.ms if closed.num_rows else window.start_ms
    reach = stored.floor(until - _LOOKBACK_MS[stored])
    tail = Window(max(after, reach), window.end_ms)
    if not tail:
        return closed
    return pa.concat_tables(
        [closed, read_period_parts(warehouse, symbol, _FINER[stored], tail, until)]
    )


def _read_forming_periods(
    warehouse: Warehouse, asked: CandlePeriodQuery, window: Window
) -> pa.Table:
    """The last periods, from the parts of them that there are.

    Of a single one a close is its newest minute's; without a minute there, hours tell it.
    """
    if not window:
        return CANDLE_SCHEMA.empty_table().select(asked.column_names)
    if (
        asked.columns <= LAST_PART_COLUMNS
        and asked.interval.floor(window.end_ms - 1) == window.start_ms
    ):
        parts = warehouse.facts.read_candles(asked.symbol, window, limit=1, newest=True)
        if parts.num_rows:
            return resample_candles(parts, asked.interval).select(asked.column_names)
    parts = read_period_parts(
        warehouse, asked.symbol, _find_stored_interval(asked.interval), window, asked.until
    )
    return resample_candles(parts, asked.interval).select(asked.column_names)


def _read_closed_periods(
    warehouse: Warehouse, asked: CandlePeriodQuery, window: Window, limit: int | None, newest: bool
) -> pa.Table:
    return warehouse.resampled_candles.read_candles(
        asked.symbol,
        _find_stored_interval(asked.interval),
        asked.interval,
        window,
        columns=asked.columns,
        limit=limit,
        newest=newest,
    )


def _split_stored_window(
    warehouse: Warehouse, asked: CandlePeriodQuery, window: Window
) -> tuple[Window, Window]:
    """Where the stored rows hold all that there is, and the last periods, where finer ones add.

    Of the periods that open in the window; both on the interval's grid.
    """
    window = Window(asked.interval.ceil(window.start_ms), asked.interval.ceil(window.end_ms))
    stored = _find_stored_interval(asked.interval)
    if stored is Interval.M1 or not window:
        return window, Window(window.end_ms, window.end_ms)
    newest = warehouse.aggregates.read_candles(asked.symbol, stored, window, limit=1, newest=True)
    held = newest["open_time"][0].as_py() + stored.ms if newest.num_rows else window.start_ms
    return window.split_at(asked.interval.floor(held))


def _find_stored_interval(interval: Interval) -> Interval:
    """The coarsest stored interval that divides this one."""
    return next(
        stored for stored in (Interval.D1, Interval.H1, Interval.M1) if interval.ms >= stored.ms
    )
