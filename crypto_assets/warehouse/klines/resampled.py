"""Candles of larger intervals, rolled up by the server so that only they travel."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from sqlalchemy import Connection, select

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import daily_klines, fact_klines, hourly_klines
from crypto_assets.warehouse.engine.time_filters import match_window
from crypto_assets.warehouse.klines.resample_query import ResampleQuery

_CANDLE_TABLES = {Interval.M1: fact_klines, Interval.H1: hourly_klines, Interval.D1: daily_klines}


class ResampledCandles:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def read_candles(
        self,
        symbol: str,
        stored: Interval,
        interval: Interval,
        window: Window,
        *,
        columns: Iterable[str] = CANDLE_COLUMNS,
        limit: int | None = None,
        newest: bool = False,
    ) -> pa.Table:
        """Candles built from those of `stored` (1m, 1h, 1d), oldest first; `newest` has a limit
        keep the window's end, whose both ends lie on the interval's grid.

        Of CANDLE_SCHEMA the columns asked for and `open_time`: fewer cost less. Closes alone are
        looked up, one part of a period, where others look at all of them.
        """
        symbol_id = self._symbols.get_id(symbol)
        wanted = {"open_time", *columns}
        names = tuple(name for name in CANDLE_COLUMNS if name in wanted)
        parts = _CANDLE_TABLES[stored]

        def work(connection: Connection) -> pa.Table:
            if stored is interval:
                schema = pa.schema([CANDLE_SCHEMA.field(name) for name in names])
                return arrow_reader.read_symbol_rows(
                    connection, parts, symbol_id, window, schema, limit=limit, newest=newest
                )
            periods = ResampleQuery(connection, parts, stored, interval, names)
            if limit is None:
                return periods.read_periods(symbol_id, window)
            return _read_limited(periods, symbol_id, window, limit, newest)

        return self._database.run_read(work)

    def read_closes(
        self, windows: Mapping[str, Window], stored: Interval, interval: Interval
    ) -> dict[str, pa.Table]:
        """`open_time` and `close`, as `read` has them, of several symbols, each in its window."""
        by_id = {self._symbols.get_id(symbol): symbol for symbol in windows}
        asked = {symbol_id: windows[symbol] for symbol_id, symbol in by_id.items()}
        parts = _CANDLE_TABLES[stored]

        def work(connection: Connection) -> dict[int, pa.Table]:
            periods = ResampleQuery(connection, parts, stored, interval, ("open_time", "close"))
            if stored is not interval:
                return periods.read_by_symbol(asked)
            return {
                symbol_id: arrow_reader.read_symbol_rows(
                    connection, parts, symbol_id, window, periods.schema
                )
                for symbol_id, window in asked.items()
            }

        found = self._database.run_read(work)
        return {by_id[symbol_id]: table for symbol_id, table in found.items()}


def _read_limited(
    periods: ResampleQuery, symbol_id: int, window: Window, limit: int, newest: bool
) -> pa.Table:
    width_ms = limit * periods.interval.ms
    if newest:
        far, near = window.split_at(window.end_ms - width_ms)
    else:
        near, far = window.split_at(window.start_ms + width_ms)
    table = periods.read_periods(symbol_id, near)
    missing = limit - table.num_rows
    if missing and far:
        # There are holes: what lies beyond them is found by counting parts.
        more = periods.resample_parts(
            symbol_id, _find_counted_window(periods, symbol_id, far, missing, newest)
        )
        table = pa.concat_tables([more, table] if newest else [table, more])
    return table.slice(max(0, table.num_rows - limit) if newest else 0, limit)


def _find_counted_window(
    periods: ResampleQuery, symbol_id: int, window: Window, count: int, newest: bool
) -> Window:
    """As much of the window as holds the parts of `count` periods; with holes it is longer."""
    opened = periods.parts.c.open_time
    each = periods.interval.ms // periods.stored.ms
    statement = (
        select(opened)
        .where(*match_window(periods.parts, symbol_id, window))
        .order_by(opened.desc() if newest else opened)
        .offset(count * each - 1)
        .limit(1)
    )
    edge = periods.connection.execute(statement).scalar()
    if edge is None:
        return window
    start = periods.interval.floor(edge)
    if newest:
        return Window(start, window.end_ms)
    return Window(window.start_ms, start + periods.interval.ms)
