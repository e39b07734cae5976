"""Candles of larger intervals, rolled up by the server so that only they travel."""

import pyarrow as pa
from sqlalchemy import Connection, Table, select

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval
from crypto_assets.warehouse import series
from crypto_assets.warehouse.database import Database
from crypto_assets.warehouse.rollup_sql import rolled_up
from crypto_assets.warehouse.schema import daily_klines, fact_klines, hourly_klines
from crypto_assets.warehouse.stale import inside
from crypto_assets.warehouse.symbols import Symbols

_TABLES = {Interval.M1: fact_klines, Interval.H1: hourly_klines, Interval.D1: daily_klines}


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

        def work(connection: Connection) -> pa.Table:
            parts = _TABLES[stored]
            reach = window
            if limit is not None:
                count = limit * interval.ms // stored.ms
                reach = _reach(connection, parts, symbol_id, interval, window, count, newest)
            return _roll(connection, parts, symbol_id, interval, reach)

        table = self._database.read(work)
        if limit is None or table.num_rows <= limit:
            return table
        return table.slice(table.num_rows - limit if newest else 0, limit)


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
    _, rolled = rolled_up(parts, symbol_id, window, interval.ms, interval.offset_ms)
    source = rolled.subquery("rolled")
    statement = select(*series.columns(connection, source, CANDLE_COLUMNS))
    return series.read(connection, statement.order_by(source.c.open_time), CANDLE_SCHEMA)
