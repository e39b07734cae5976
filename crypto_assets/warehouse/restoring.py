"""Putting minutes back as the lake has them, without losing what only the warehouse still has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Table, func, select

from crypto_assets.market.clock import DAY_MS, HOUR_MS, Window, floor_ms
from crypto_assets.warehouse import bulk, revisions, stale
from crypto_assets.warehouse.loading import Load, steps
from crypto_assets.warehouse.schema import (
    VALUE_COLUMNS,
    daily_klines,
    fact_klines,
    hourly_klines,
)
from crypto_assets.warehouse.versions import settle


@dataclass(frozen=True)
class Restored:
    """Of the minutes that the lake has: how many there are, were missing, and said something else.

    `kept` minutes of the same days are the warehouse's alone, or of a later fetch than the lake
    still has. `left_hours` are not computed anew: they are built from minutes that are gone.
    """

    minutes: int = 0
    new: int = 0
    changed: int = 0
    kept: int = 0
    left_hours: int = 0

    def __add__(self, other: "Restored") -> "Restored":
        return Restored(
            self.minutes + other.minutes,
            self.new + other.new,
            self.changed + other.changed,
            self.kept + other.kept,
            self.left_hours + other.left_hours,
        )


class Restoration(Load):
    """A load in which the lake's word counts, not what is held under the same fetch."""

    def restore(self, incoming: pa.Table) -> Restored:
        """Stores versions of FETCHED_SCHEMA over what is held of their minutes.

        Has the hours of these minutes, and their days, computed anew, unless they would lose
        minutes by it. Nothing of a purged past is touched.
        """
        if self._mark.purged_before is not None:
            unpurged = pc.greater_equal(incoming["open_time"], self._mark.purged_before)
            incoming = incoming.filter(unpurged)
        if not incoming.num_rows:
            return Restored()
        found = Restored()
        for step in steps(bulk.storable(self._connection, incoming)):
            found += self._put_back(step)
        return found + self._recompute(incoming["open_time"], found.minutes)

    def _put_back(self, incoming: pa.Table) -> Restored:
        held = self._held(incoming)
        settled = settle(incoming, incoming.slice(0, 0))
        revisions.note(self._connection, self._symbol_id, incoming, settled.contested, self._now)
        lake = settled.new
        place = pc.index_in(lake["open_time"], held["open_time"].combine_chunks())
        new = lake.filter(pc.is_null(place))
        known = lake.filter(pc.is_valid(place))
        mine = held.take(place.drop_null())
        ours = pc.less_equal(mine["fetched_at"], known["fetched_at"])
        known, mine = known.filter(ours), mine.filter(ours)
        differs = _differ(known, mine, (*VALUE_COLUMNS, "fetched_at", "source"))
        self._write(new)
        self._write(known.filter(differs), overwrite=True)
        self._mark = self._mark.advanced(
            pc.max(lake["open_time"]).as_py(), pc.max(lake["fetched_at"]).as_py(), new.num_rows
        )
        changed = pc.sum(_differ(known, mine, VALUE_COLUMNS)).as_py() or 0
        return Restored(lake.num_rows, new.num_rows, changed)

    def _recompute(self, opens: pa.ChunkedArray, restored: int) -> Restored:
        """Marks hours as stale; counts what is left as it is."""
        wanted = sorted({floor_ms(at, HOUR_MS) for at in pc.unique(opens).to_pylist()})
        days = sorted({floor_ms(hour, DAY_MS) for hour in wanted})
        span = Window(days[0], days[-1] + DAY_MS)
        held = self._counts(fact_klines, span)
        hours = self._counts(hourly_klines, span)
        whole = self._counts(daily_klines, span)
        due = {hour for hour in wanted if held.get(hour, 0) >= hours.get(hour, 0)}
        for day in days:
            own = range(day, day + DAY_MS, HOUR_MS)
            then = sum((held if hour in due else hours).get(hour, 0) for hour in own)
            if then < whole.get(day, 0):
                due -= set(own)
        self._mark_stale(np.array(sorted(due), np.int64))
        kept = sum(held.get(hour, 0) for day in days for hour in range(day, day + DAY_MS, HOUR_MS))
        return Restored(kept=kept - restored, left_hours=len(wanted) - len(due))

    def _counts(self, table: Table, span: Window) -> dict[int, int]:
        """Minutes by hour of the facts, by period of a table of periods."""
        mine = stale.inside(table, self._symbol_id, span)
        if table is not fact_klines:
            statement = select(table.c.open_time, table.c.minute_count).where(*mine)
        else:
            hour = (table.c.open_time - table.c.open_time % HOUR_MS).label("hour")
            rows = select(hour).where(*mine).subquery("rows_by_hour")
            statement = select(rows.c.hour, func.count()).group_by(rows.c.hour)
        return {row[0]: int(row[1]) for row in self._connection.execute(statement)}


def _differ(one: pa.Table, other: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    differs = pc.not_equal(one[names[0]], other[names[0]])
    for name in names[1:]:
        differs = pc.or_(differs, pc.not_equal(one[name], other[name]))
    return differs
