"""Putting minutes back as the lake has them, without losing what only the warehouse still has."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Table, func, select

from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, floor_ms
from crypto_assets.warehouse.engine import arrow_reader, bulk_load
from crypto_assets.warehouse.engine.schema import (
    VALUE_COLUMNS,
    daily_klines,
    fact_klines,
    hourly_klines,
)
from crypto_assets.warehouse.klines import revisions, stale_periods
from crypto_assets.warehouse.klines.conflict_resolution import FETCHED_SCHEMA, count_over, settle
from crypto_assets.warehouse.klines.load_transaction import DELETED_AT_ONCE, Load, steps
from crypto_assets.warehouse.klines.nonexistent_minutes import absences_of

_FETCHES = pa.schema([FETCHED_SCHEMA.field(name) for name in ("open_time", "fetched_at")])


@dataclass(frozen=True)
class Restored:
    """Of the minutes that the lake has: how many there are, were missing, and said something else.

    `kept` minutes of the same days are the warehouse's alone, or of a later fetch than the lake
    still has. `left_hours` are not computed anew: they are built from minutes that are gone.
    `deleted` minutes were held where the lake knows that there are none. `refused` counts imported
    minutes, of the lake or stored, that do not exist: they are in quarantine.
    """

    minutes: int = 0
    new: int = 0
    changed: int = 0
    kept: int = 0
    left_hours: int = 0
    deleted: int = 0
    refused: int = 0

    def __add__(self, other: "Restored") -> "Restored":
        return Restored(
            self.minutes + other.minutes,
            self.new + other.new,
            self.changed + other.changed,
            self.kept + other.kept,
            self.left_hours + other.left_hours,
            self.deleted + other.deleted,
            self.refused + other.refused,
        )


@dataclass(frozen=True)
class Known:
    """Stretches of which the lake knows every minute: another one there was never published.

    Unless it was fetched from `fetched_before` on, which is when the lake was looked at.
    """

    spans: tuple[Window, ...] = ()
    fetched_before: int = 0

    def hours(self) -> set[int]:
        """Open times of the hours that lie in them as a whole."""
        return {
            hour
            for span in self.spans
            for hour in range(
                floor_ms(span.start_ms + HOUR_MS - 1, HOUR_MS), span.end_ms - HOUR_MS + 1, HOUR_MS
            )
        }


class Restoration(Load):
    """A load in which the lake's word counts, not what is held under the same fetch."""

    def restore(self, incoming: pa.Table, objects: Sequence[LakeObject], known: Known) -> Restored:
        """Stores versions of FETCHED_SCHEMA over what is held of their minutes.

        Has the hours of these minutes, and their days, computed anew, unless they would lose
        minutes by it. Nothing of a purged past is touched. In `known` stretches other minutes go,
        and every hour is computed anew. Imported minutes that do not exist go in any case.
        """
        self._absences = absences_of(objects)
        incoming = self._unpurged(incoming)
        if not incoming.num_rows:
            return Restored()
        storable = bulk_load.storable(self._connection, incoming)
        found = Restored()
        for step in steps(storable):
            found += self._put_back(step, storable)
        self._refuse_beside(storable)
        opens = self._without_refused(storable["open_time"])
        found += Restored(deleted=len(self._dropped), refused=self.result.refused)
        found += Restored(deleted=self._drop_others(opens, known))
        return found + self._recompute(opens, found.minutes, known)

    def _without_refused(self, opens: pa.ChunkedArray) -> pa.ChunkedArray:
        refused = pa.array(sorted(self._refused), pa.int64())
        return opens.filter(pc.invert(pc.is_in(opens, refused))) if self._refused else opens

    def _reach(self, span: Window) -> Window:
        """Whole days: what an import has beside the lake's rows is looked at too."""
        start = floor_ms(span.start_ms, DAY_MS)
        return Window(start, floor_ms(span.end_ms + DAY_MS - 1, DAY_MS))

    def _put_back(self, incoming: pa.Table, everything: pa.Table) -> Restored:
        incoming, held = self._refuse(incoming, self._held(incoming), everything)
        if not incoming.num_rows:
            return Restored()
        settled = settle(incoming, incoming.slice(0, 0))
        revisions.note(self._connection, self._symbol_id, incoming, settled.contested, self._now)
        lake = settled.new
        place = pc.index_in(lake["open_time"], held["open_time"].combine_chunks())
        new = lake.filter(pc.is_null(place))
        known = lake.filter(pc.is_valid(place))
        mine = held.take(place.drop_null())
        ours = count_over(known, mine)
        known, mine = known.filter(ours), mine.filter(ours)
        differs = _differ(known, mine, (*VALUE_COLUMNS, "fetched_at", "source"))
        self._write(new)
        self._write(known.filter(differs), overwrite=True)
        self._mark = self._mark.advanced(
            pc.max(lake["open_time"]).as_py(), pc.max(incoming["fetched_at"]).as_py(), new.num_rows
        )
        changed = pc.sum(_differ(known, mine, VALUE_COLUMNS)).as_py() or 0
        return Restored(lake.num_rows, new.num_rows, changed)

    def _drop_others(self, opens: pa.ChunkedArray, known: Known) -> int:
        """Deletes what is held in known stretches, and is not among these minutes."""
        purged = self._mark.purged_before or 0
        deleted = 0
        for span in known.spans:
            window = span & Window(purged, max(purged, span.end_ms))
            held = arrow_reader.of_symbol(
                self._connection, fact_klines, self._symbol_id, window, _FETCHES
            )
            others = held.filter(
                pc.and_(
                    pc.invert(pc.is_in(held["open_time"], opens.combine_chunks())),
                    pc.less(held["fetched_at"], known.fetched_before),
                )
            )["open_time"].to_pylist()
            for first in range(0, len(others), DELETED_AT_ONCE):
                some = others[first : first + DELETED_AT_ONCE]
                deleted += self._delete(fact_klines.c.open_time.in_(some))
            self._mark_stale(np.array(sorted({floor_ms(at, HOUR_MS) for at in others}), np.int64))
        if deleted:
            self._count_anew()
        return deleted

    def _count_anew(self) -> None:
        """What was written behind the warehouse's back was never counted."""
        mine = fact_klines.c.symbol_id == self._symbol_id
        rows = select(func.count()).select_from(fact_klines).where(mine)
        count = int(self._connection.execute(rows).scalar() or 0)
        self._mark = replace(self._mark, record_count=count)

    def _recompute(self, opens: pa.ChunkedArray, restored: int, known: Known) -> Restored:
        """Marks hours as stale; counts what is left as it is."""
        wanted = sorted({floor_ms(at, HOUR_MS) for at in pc.unique(opens).to_pylist()})
        if not wanted:
            return Restored()
        days = sorted({floor_ms(hour, DAY_MS) for hour in wanted})
        span = Window(days[0], days[-1] + DAY_MS)
        held = self._counts(fact_klines, span)
        hours = self._counts(hourly_klines, span)
        whole = self._counts(daily_klines, span)
        for at in self._dropped:  # what an hour or a day loses by these it must lose
            hours[floor_ms(at, HOUR_MS)] = hours.get(floor_ms(at, HOUR_MS), 0) - 1
            whole[floor_ms(at, DAY_MS)] = whole.get(floor_ms(at, DAY_MS), 0) - 1
        due = {hour for hour in wanted if held.get(hour, 0) >= hours.get(hour, 0)}
        for day in days:
            own = range(day, day + DAY_MS, HOUR_MS)
            then = sum((held if hour in due else hours).get(hour, 0) for hour in own)
            if then < whole.get(day, 0):
                due -= set(own)
        due |= {hour for hour in known.hours() if hour >= (self._mark.purged_before or 0)}
        self._mark_stale(np.array(sorted(due), np.int64))
        kept = sum(held.get(hour, 0) for day in days for hour in range(day, day + DAY_MS, HOUR_MS))
        return Restored(kept=kept - restored, left_hours=len({*wanted} - due))

    def _counts(self, table: Table, span: Window) -> dict[int, int]:
        """Minutes by hour of the facts, by period of a table of periods."""
        mine = stale_periods.inside(table, self._symbol_id, span)
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
