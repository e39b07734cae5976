"""Periods of a larger interval, built by the server from the rows of one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Integer, Select, Table, bindparam

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import LAST_PART_COLUMNS
from crypto_assets.market.utc_time import Window, cover_windows, group_periods
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.dialect import is_sqlite
from crypto_assets.warehouse.klines.rollup_sql import select_rollup

# Keys of rows in one statement (for many more the servers' optimizers give up on the index), keys
# in all, and periods that are rather rolled up along than cost another statement.
_CHUNK, _MOST_KEYS, _READ_ALONG = 2_000, 20_000, 7
_SYMBOL_COLUMN = "symbol_id"


@dataclass(frozen=True)
class ResampleQuery:
    """`parts` holds candles of `stored`, of which `interval` is a multiple; `names` are what is
    read of each period, in the order of CANDLE_SCHEMA. Ends of windows lie on the interval's grid.
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
        """The window's periods, oldest first."""
        return self.read_by_symbol({symbol_id: window})[symbol_id]

    def read_by_symbol(self, windows: Mapping[int, Window]) -> dict[int, pa.Table]:
        """The same of several symbols, by their ids, each in its own window: closes in one go."""
        asked = {symbol_id: window for symbol_id, window in windows.items() if window}
        span = cover_windows(asked.values())
        keys = span.duration_ms // self.interval.ms
        if not LAST_PART_COLUMNS.issuperset(self.names) or keys > _MOST_KEYS:
            return {
                symbol_id: self.resample_parts(symbol_id, window)
                for symbol_id, window in windows.items()
            }
        found = self._read_last_parts(list(asked), span)
        return {
            symbol_id: self._add_lacking_periods(symbol_id, window, found)
            for symbol_id, window in windows.items()
        }

    def resample_parts(self, symbol_id: int, window: Window) -> pa.Table:
        """From all their parts."""
        sqlite = is_sqlite(self.connection)
        statement = _select_resampled(self.parts, self.interval, self.names, sqlite)
        values = {"id": symbol_id, "start": window.start_ms, "end": window.end_ms}
        return arrow_reader.read_arrow_table(self.connection, statement, self.schema, values)

    def _add_lacking_periods(self, symbol_id: int, window: Window, found: pa.Table) -> pa.Table:
        """The symbol's of what was found; periods that lack are rolled up, neighbours along."""
        direct = _filter_rows(found, symbol_id, window).select(self.names)
        starts = range(window.start_ms, window.end_ms, self.interval.ms)
        opened = set(direct["open_time"].to_pylist())
        lacking = [start for start in starts if start not in opened]
        wanted = pa.array(lacking, pa.int64())
        rolled = (
            self.resample_parts(symbol_id, run)
            for run in group_periods(lacking, self.interval.ms, _READ_ALONG * self.interval.ms)
        )
        added = [table.filter(pc.is_in(table["open_time"], wanted)) for table in rolled]
        if not any(table.num_rows for table in added):
            return direct
        return pa.concat_tables([direct, *added]).sort_by("open_time")

    def _read_last_parts(self, symbol_ids: Sequence[int], window: Window) -> pa.Table:
        """Symbol by symbol, oldest first, as the periods that they close: a row by its key each."""
        late, sqlite = self.interval.ms - self.stored.ms, is_sqlite(self.connection)
        schema = pa.schema([pa.field(_SYMBOL_COLUMN, pa.int64()), *self.schema])
        statement = _select_at_keys(self.parts, tuple(schema.names), sqlite)
        starts = range(window.start_ms, window.end_ms, self.interval.ms)
        chunk = max(1, _CHUNK // max(1, len(symbol_ids)))
        found = [schema.empty_table()]
        for begin in range(0, len(starts), chunk):
            keys = [start + late for start in starts[begin : begin + chunk]]
            values = {"ids": symbol_ids, "keys": keys}
            found.append(arrow_reader.read_arrow_table(self.connection, statement, schema, values))
        table = pa.concat_tables(found)
        opened = pc.subtract(table["open_time"], late)
        closed = pc.add(opened, self.interval.ms - 1)
        period = {"open_time": opened, "close_time": closed}
        return pa.table([period.get(name, table[name]) for name in schema.names], schema=schema)


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
