"""One symbol's periods of a larger interval, built by the server from the rows of one table."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Integer, Select, Table, bindparam

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import TOLD_BY_LAST_PART
from crypto_assets.warehouse import series
from crypto_assets.warehouse.dialect import is_sqlite
from crypto_assets.warehouse.rollup_sql import rolled_up
from crypto_assets.warehouse.stale import runs

# Keys in one statement, keys in all, and periods that are rather rolled up along than cost another
# statement.
_CHUNK, _MOST_KEYS, _READ_ALONG = 500, 20_000, 8


@dataclass(frozen=True)
class Periods:
    """`parts` holds candles of `stored`, of which `interval` is a multiple; `names` are what is
    read of each period, in the order of CANDLE_SCHEMA."""

    connection: Connection
    parts: Table
    symbol_id: int
    stored: Interval
    interval: Interval
    names: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([CANDLE_SCHEMA.field(name) for name in self.names])

    def read(self, window: Window) -> pa.Table:
        """The window's periods, oldest first; both its ends lie on the interval's grid."""
        keys = (window.end_ms - window.start_ms) // self.interval.ms
        if TOLD_BY_LAST_PART.issuperset(self.names) and keys <= _MOST_KEYS:
            return self._by_last_part(window)
        return self.rolled(window)

    def rolled(self, window: Window) -> pa.Table:
        """From all their parts."""
        sqlite = is_sqlite(self.connection)
        statement = _rolled(self.parts, self.interval, self.names, sqlite)
        values = {"id": self.symbol_id, "start": window.start_ms, "end": window.end_ms}
        return series.read(self.connection, statement, self.schema, values)

    def _by_last_part(self, window: Window) -> pa.Table:
        """One row by its key each; periods that lack it are rolled up, their neighbours along."""
        starts = range(window.start_ms, window.end_ms, self.interval.ms)
        direct = self._last_parts(starts)
        opened = set(direct["open_time"].to_pylist())
        lacking = [start for start in starts if start not in opened]
        wanted = pa.array(lacking, pa.int64())
        rolled = (
            self.rolled(run)
            for run in runs(lacking, self.interval.ms, _READ_ALONG * self.interval.ms)
        )
        found = [table.filter(pc.is_in(table["open_time"], wanted)) for table in rolled]
        if not any(table.num_rows for table in found):
            return direct
        return pa.concat_tables([direct, *found]).sort_by("open_time")

    def _last_parts(self, starts: range) -> pa.Table:
        """Oldest first, as the periods that they close."""
        late, sqlite = self.interval.ms - self.stored.ms, is_sqlite(self.connection)
        statement = _at(self.parts, self.names, sqlite)
        found = [self.schema.empty_table()]
        for begin in range(0, len(starts), _CHUNK):
            keys = [start + late for start in starts[begin : begin + _CHUNK]]
            values = {"id": self.symbol_id, "keys": keys}
            found.append(series.read(self.connection, statement, self.schema, values))
        table = pa.concat_tables(found)
        opened = pc.subtract(table["open_time"], late)
        closed = pc.add(opened, self.interval.ms - 1)
        period = {"open_time": opened, "close_time": closed}
        return pa.table([period.get(name, table[name]) for name in self.names], schema=self.schema)


@series.keep_statements
def _rolled(parts: Table, interval: Interval, names: tuple[str, ...], sqlite: bool) -> Select[Any]:
    bounds = bindparam("start", type_=Integer), bindparam("end", type_=Integer)
    rolled = rolled_up(
        parts,
        bindparam("id", type_=Integer),
        bounds,
        interval.ms,
        interval.offset_ms,
        names=names,
        by_sorting=True,
    ).subquery("rolled")
    return series.rows_of(rolled, names, sqlite=sqlite).order_by(rolled.c.open_time)


@series.keep_statements
def _at(parts: Table, names: tuple[str, ...], sqlite: bool) -> Select[Any]:
    opened = parts.c.open_time
    keys = bindparam("keys", expanding=True, literal_execute=True, type_=Integer)
    return (
        series.rows_of(parts, names, sqlite=sqlite)
        .where(parts.c.symbol_id == bindparam("id"), opened.in_(keys))
        .order_by(opened)
    )
