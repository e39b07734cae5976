"""Candles of larger intervals, rolled up by the server so that fewer rows travel.

The SQL of the roll-up is in `rollup_sql`. The closes of periods need no roll-up: each is looked up
by the key of the last part of the period.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Integer, Select, Table, bindparam, select

from crypto_assets.batches import iter_batches
from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import LAST_PART_COLUMNS
from crypto_assets.market.utc_time import Window, cover_windows, group_periods
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.engine.schema import CANDLE_TABLES
from crypto_assets.warehouse.engine.time_filters import KEYS_PER_STATEMENT, match_window
from crypto_assets.warehouse.klines.rollup_sql import select_rollup

_SYMBOL_COLUMN = "symbol_id"
# With more periods than this, rolling up all parts is faster than looking up the last ones.
_MAX_LOOKUPS = 20_000
# One statement rolls up as many periods between two missing ones: cheaper than another statement.
_MAX_PRESENT_PERIODS = 7


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
        """Read candles of `interval`, built from those of `stored` (1m, 1h or 1d), oldest first.

        The window's ends lie on the interval's grid. With `newest`, a limit keeps the window's end
        instead of its start. Returns `columns` and `open_time`, in the order of CANDLE_SCHEMA;
        columns of the last part alone (`LAST_PART_COLUMNS`) are much cheaper than others. Raises
        UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        wanted = {"open_time", *columns}
        names = tuple(name for name in CANDLE_COLUMNS if name in wanted)
        parts = CANDLE_TABLES[stored]

        def work(connection: Connection) -> pa.Table:
            if stored is interval:
                schema = pa.schema([CANDLE_SCHEMA.field(name) for name in names])
                return arrow_reader.read_symbol_rows(
                    connection, parts, symbol_id, window, schema, limit=limit, newest=newest
                )
            query = ResampleQuery(connection, parts, stored, interval, names)
            if limit is None:
                return query.read_periods(symbol_id, window)
            return _read_limited(query, symbol_id, window, limit, newest)

        return self._database.run_read(work)

    def read_closes(
        self, windows: Mapping[str, Window], stored: Interval, interval: Interval
    ) -> dict[str, pa.Table]:
        """Read `open_time` and `close` of several symbols, each in its own window, oldest first.

        The windows' ends lie on the interval's grid. Raises UnknownSymbol.
        """
        by_id = {self._symbols.get_id(symbol): symbol for symbol in windows}
        windows_by_id = {symbol_id: windows[symbol] for symbol_id, symbol in by_id.items()}
        parts = CANDLE_TABLES[stored]

        def work(connection: Connection) -> dict[int, pa.Table]:
            query = ResampleQuery(connection, parts, stored, interval, ("open_time", "close"))
            if stored is not interval:
                return query.read_by_symbol(windows_by_id)
            return {
                symbol_id: arrow_reader.read_symbol_rows(
                    connection, parts, symbol_id, window, query.schema
                )
                for symbol_id, window in windows_by_id.items()
            }

        tables = self._database.run_read(work)
        return {by_id[symbol_id]: table for symbol_id, table in tables.items()}


@dataclass(frozen=True)
class ResampleQuery:
    """Reads periods of `interval` from the table `parts`, which holds candles of `stored`.

    `interval` is a multiple of `stored`. `names` are the columns to read, in the order of
    CANDLE_SCHEMA. The ends of windows lie on the interval's grid.
    """

    connection: Connection
    parts: Table
    stored: Interval
    interval: Interval
    names: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([CANDLE_SCHEMA.field(name) for name in self.names])

    def read_periods(self, symbol_id: int, window: Window) -> pa.Table:
        """Read the periods of a window, oldest first."""
        return self.read_by_symbol({symbol_id: window})[symbol_id]

    def read_by_symbol(self, windows: Mapping[int, Window]) -> dict[int, pa.Table]:
        """Read the periods of several symbols, by symbol id, each in its own window."""
        nonempty = {symbol_id: window for symbol_id, window in windows.items() if window}
        whole = cover_windows(nonempty.values())
        periods = whole.duration_ms // self.interval.ms
        if not LAST_PART_COLUMNS.issuperset(self.names) or periods > _MAX_LOOKUPS:
            return {
                symbol_id: self.roll_up_parts(symbol_id, window)
                for symbol_id, window in windows.items()
            }
        last_parts = self._read_last_parts(list(nonempty), whole)
        return {
            symbol_id: self._add_missing_periods(symbol_id, window, last_parts)
            for symbol_id, window in windows.items()
        }

    def roll_up_parts(self, symbol_id: int, window: Window) -> pa.Table:
        """Build the periods of a window from all of their parts, oldest first."""
        sqlite = is_sqlite(self.connection)
        statement = _select_resampled(self.parts, self.interval, self.names, sqlite)
        values = {"id": symbol_id, "start": window.start_ms, "end": window.end_ms}
        return arrow_reader.read_arrow_table(self.connection, statement, self.schema, values)

    def limit_window(self, symbol_id: int, window: Window, count: int, newest: bool) -> Window:
        """Return the start of a window, or with `newest` its end, with at least `count` periods.

        It contains as many parts as `count` complete periods have.
        """
        opened = self.parts.c.open_time
        each = self.interval.ms // self.stored.ms
        statement = (
            select(opened)
            .where(*match_window(self.parts, symbol_id, window))
            .order_by(opened.desc() if newest else opened)
            .offset(count * each - 1)
            .limit(1)
        )
        edge = self.connection.execute(statement).scalar()
        if edge is None:
            return window
        start = self.interval.floor(edge)
        if newest:
            return Window(start, window.end_ms)
        return Window(window.start_ms, start + self.interval.ms)

    def _add_missing_periods(
        self, symbol_id: int, window: Window, last_parts: pa.Table
    ) -> pa.Table:
        """Return a symbol's periods of `last_parts`, and those whose last part is not stored.

        The latter are rolled up from the parts that are.
        """
        direct = _filter_rows(last_parts, symbol_id, window).select(self.names)
        starts = range(window.start_ms, window.end_ms, self.interval.ms)
        opened = set(direct["open_time"].to_pylist())
        missing = [start for start in starts if start not in opened]
        wanted = pa.array(missing, pa.int64())
        rolled = (
            self.roll_up_parts(symbol_id, part)
            for part in group_periods(
                missing, self.interval.ms, _MAX_PRESENT_PERIODS * self.interval.ms
            )
        )
        added = [table.filter(pc.is_in(table["open_time"], wanted)) for table in rolled]
        if not any(table.num_rows for table in added):
            return direct
        return pa.concat_tables([direct, *added]).sort_by("open_time")

    def _read_last_parts(self, symbol_ids: Sequence[int], window: Window) -> pa.Table:
        """Read the last part of each period by its key, as the period that it closes.

        Rows are ordered by symbol id, then by open time.
        """
        offset, sqlite = self.interval.ms - self.stored.ms, is_sqlite(self.connection)
        schema = pa.schema([pa.field(_SYMBOL_COLUMN, pa.int64()), *self.schema])
        statement = _select_at_keys(self.parts, tuple(schema.names), sqlite)
        starts = range(window.start_ms, window.end_ms, self.interval.ms)
        periods = max(1, KEYS_PER_STATEMENT // max(1, len(symbol_ids)))
        tables = [schema.empty_table()]
        for batch in iter_batches(starts, periods):
            values = {"ids": symbol_ids, "keys": [start + offset for start in batch]}
            tables.append(arrow_reader.read_arrow_table(self.connection, statement, schema, values))
        table = pa.concat_tables(tables)
        opened = pc.subtract(table["open_time"], offset)
        closed = pc.add(opened, self.interval.ms - 1)
        period = {"open_time": opened, "close_time": closed}
        return pa.table([period.get(name, table[name]) for name in schema.names], schema=schema)


def _read_limited(
    query: ResampleQuery, symbol_id: int, window: Window, limit: int, newest: bool
) -> pa.Table:
    width_ms = limit * query.interval.ms
    if newest:
        far, near = window.split_at(window.end_ms - width_ms)
    else:
        near, far = window.split_at(window.start_ms + width_ms)
    table = query.read_periods(symbol_id, near)
    missing = limit - table.num_rows
    if missing and far:
        # Periods without a part are skipped: counting parts finds the ones beyond them.
        more = query.roll_up_parts(symbol_id, query.limit_window(symbol_id, far, missing, newest))
        table = pa.concat_tables([more, table] if newest else [table, more])
    return table.slice(max(0, table.num_rows - limit) if newest else 0, limit)


def _filter_rows(table: pa.Table, symbol_id: int, window: Window) -> pa.Table:
    opened = pc.field("open_time")
    return table.filter(
        (pc.field(_SYMBOL_COLUMN) == symbol_id)
        & (opened >= window.start_ms)
        & (opened < window.end_ms)
    )


@arrow_reader.cache_statements
def _select_resampled(
    parts: Table, interval: Interval, names: tuple[str, ...], sqlite: bool
) -> Select[Any]:
    bounds = bindparam("start", type_=Integer), bindparam("end", type_=Integer)
    rolled = select_rollup(
        parts,
        bindparam("id", type_=Integer),
        bounds,
        interval.ms,
        interval.offset_ms,
        names=names,
        by_sorting=True,
    ).subquery("rolled")
    return arrow_reader.select_arrow_rows(rolled, names, sqlite=sqlite).order_by(rolled.c.open_time)


@arrow_reader.cache_statements
def _select_at_keys(parts: Table, names: tuple[str, ...], sqlite: bool) -> Select[Any]:
    opened = parts.c.open_time
    ids, keys = (
        bindparam(name, expanding=True, literal_execute=True, type_=Integer)
        for name in ("ids", "keys")
    )
    return (
        arrow_reader.select_arrow_rows(parts, names, sqlite=sqlite)
        .where(parts.c.symbol_id.in_(ids), opened.in_(keys))
        .order_by(parts.c.symbol_id, opened)
    )
