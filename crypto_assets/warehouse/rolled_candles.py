"""Candles of larger intervals, rolled up by the server so that only they travel."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Table, select

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval
from crypto_assets.warehouse import series
from crypto_assets.warehouse.database import Database
from crypto_assets.warehouse.rollup_sql import rolled_up
from crypto_assets.warehouse.schema import daily_klines, fact_klines, hourly_klines
from crypto_assets.warehouse.stale import inside, runs
from crypto_assets.warehouse.symbols import Symbols

_TABLES = {Interval.M1: fact_klines, Interval.H1: hourly_klines, Interval.D1: daily_klines}
CLOSE_SCHEMA = pa.schema([CANDLE_SCHEMA.field("open_time"), CANDLE_SCHEMA.field("close")])
# Keys in one statement; and periods that are rather rolled up along than cost another statement.
_CHUNK, _READ_ALONG = 500, 8


class RolledCandles:
    def __init__(self, database: Database, symbols: Symbols) -> None:
        self._database = database
        self._symbols = symbols

    def read(
        self,
        symbol: str,
        stored: Interval,
        interval: Interval,
        window: Window,
        *,
        limit: int | None = None,
        newest: bool = False,
    ) -> pa.Table:
        """Candles of CANDLE_SCHEMA built from those of `stored` (1m, 1h, 1d), oldest first.

        Both ends of the window lie on the interval's grid; `newest` has a limit keep its end.
        """
        symbol_id = self._symbols.id_of(symbol)
        parts = _TABLES[stored]

        def work(connection: Connection) -> pa.Table:
            if limit is None:
                return _roll(connection, parts, symbol_id, interval, window)
            near, far = _cut(window, limit * interval.ms, newest)
            table = _roll(connection, parts, symbol_id, interval, near)
            missing = limit - table.num_rows
            if not missing or not far:
                return table
            # There are holes: what lies beyond them is found by counting parts.
            count = missing * interval.ms // stored.ms
            reach = _reach(connection, parts, symbol_id, interval, far, count, newest)
            more = _roll(connection, parts, symbol_id, interval, reach)
            return pa.concat_tables([more, table] if newest else [table, more])

        table = self._database.read(work)
        if limit is None or table.num_rows <= limit:
            return table
        return table.slice(table.num_rows - limit if newest else 0, limit)

    def closes(self, symbol: str, stored: Interval, interval: Interval, window: Window) -> pa.Table:
        """`open_time` and `close` (CLOSE_SCHEMA) of the same candles, oldest first.

        A close is that of a period's last part: one row by its key, where `read` looks at all
        parts. For windows of some thousand periods, both ends on the interval's grid.
        """
        symbol_id = self._symbols.id_of(symbol)
        parts = _TABLES[stored]

        def work(connection: Connection) -> pa.Table:
            if stored is interval:
                return series.of_symbol(connection, parts, symbol_id, window, CLOSE_SCHEMA)
            return _closes(connection, parts, symbol_id, interval, interval.ms - stored.ms, window)

        return self._database.read(work)


def _closes(
    connection: Connection,
    parts: Table,
    symbol_id: int,
    interval: Interval,
    last_part_ms: int,
    window: Window,
) -> pa.Table:
    """Rows of the last parts; periods that lack theirs are rolled up, their neighbours along."""
    starts = range(window.start_ms, window.end_ms, interval.ms)
    found = _rows_at(connection, parts, symbol_id, [start + last_part_ms for start in starts])
    opened = pc.subtract(found["open_time"], last_part_ms)
    direct = found.set_column(0, CLOSE_SCHEMA.field("open_time"), opened)
    lacking = sorted(set(starts).difference(opened.to_pylist()))
    rolled = [
        _roll(connection, parts, symbol_id, interval, run).select(CLOSE_SCHEMA.names)
        for run in runs(lacking, interval.ms, _READ_ALONG * interval.ms)
    ]
    wanted = [table.filter(pc.is_in(table["open_time"], pa.array(lacking))) for table in rolled]
    return pa.concat_tables([direct, *wanted]).sort_by("open_time")


def _rows_at(
    connection: Connection, parts: Table, symbol_id: int, open_times: Sequence[int]
) -> pa.Table:
    columns = series.columns(connection, parts, CLOSE_SCHEMA.names)
    statement = select(*columns).where(parts.c.symbol_id == symbol_id)
    found = [CLOSE_SCHEMA.empty_table()]
    for begin in range(0, len(open_times), _CHUNK):
        chunk = parts.c.open_time.in_(open_times[begin : begin + _CHUNK])
        found.append(series.read(connection, statement.where(chunk), CLOSE_SCHEMA))
    return pa.concat_tables(found)


def _cut(window: Window, width_ms: int, newest: bool) -> tuple[Window, Window]:
    """So much of one end of the window, and the rest of it."""
    if newest:
        edge = max(window.start_ms, window.end_ms - width_ms)
        return Window(edge, window.end_ms), Window(window.start_ms, edge)
    edge = min(window.end_ms, window.start_ms + width_ms)
    return Window(window.start_ms, edge), Window(edge, window.end_ms)


def _reach(
    connection: Connection,
    parts: Table,
    symbol_id: int,
    interval: Interval,
    window: Window,
    count: int,
    newest: bool,
) -> Window:
    """As much of the window as holds `count` parts, in whole periods; with holes it is longer."""
    opened = parts.c.open_time
    statement = (
        select(opened)
        .where(*inside(parts, symbol_id, window))
        .order_by(opened.desc() if newest else opened)
        .offset(count - 1)
        .limit(1)
    )
    edge = connection.execute(statement).scalar()
    if edge is None:
        return window
    period = interval.floor(edge)
    if newest:
        return Window(period, window.end_ms)
    return Window(window.start_ms, period + interval.ms)


def _roll(
    connection: Connection, parts: Table, symbol_id: int, interval: Interval, window: Window
) -> pa.Table:
    _, rolled = rolled_up(
        parts, symbol_id, window, interval.ms, interval.offset_ms, by_sorting=True
    )
    source = rolled.subquery("rolled")
    statement = select(*series.columns(connection, source, CANDLE_COLUMNS))
    return series.read(connection, statement.order_by(source.c.open_time), CANDLE_SCHEMA)
