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
from crypto_assets.warehouse.engine.time_filters import match_window
from crypto_assets.warehouse.klines import revisions
from crypto_assets.warehouse.klines.conflict_resolution import (
    FETCHED_SCHEMA,
    resolve_versions,
    takes_precedence,
)
from crypto_assets.warehouse.klines.load_transaction import (
    DELETE_BATCH_ROWS,
    LoadTransaction,
    split_into_steps,
)
from crypto_assets.warehouse.klines.nonexistent_minutes import derive_nonexistent_windows

_FETCH_SCHEMA = pa.schema([FETCHED_SCHEMA.field(name) for name in ("open_time", "fetched_at")])


@dataclass(frozen=True)
class RestoreResult:
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
    skipped_hours: int = 0
    deleted: int = 0
    refused: int = 0

    def __add__(self, other: "RestoreResult") -> "RestoreResult":
        return RestoreResult(
            self.minutes + other.minutes,
            self.new + other.new,
            self.changed + other.changed,
            self.kept + other.kept,
            self.skipped_hours + other.skipped_hours,
            self.deleted + other.deleted,
            self.refused + other.refused,
        )


@dataclass(frozen=True)
class CompleteWindows:
    """Stretches of which the lake knows every minute: another one there was never published.

    Unless it was fetched from `fetched_before` on, which is when the lake was looked at.
    """

    windows: tuple[Window, ...] = ()
    fetched_before: int = 0

    def list_hours(self) -> set[int]:
        """Open times of the hours that lie in them as a whole."""
        whole = (window.narrow_to(HOUR_MS) for window in self.windows)
        return {hour for part in whole for hour in range(part.start_ms, part.end_ms, HOUR_MS)}


class RestoreTransaction(LoadTransaction):
    """A load in which the lake's word counts, not what is held under the same fetch."""

    def restore_versions(
        self, incoming: pa.Table, objects: Sequence[LakeObject], known: CompleteWindows
    ) -> RestoreResult:
        """Stores versions of FETCHED_SCHEMA over what is held of their minutes.

        Has the hours of these minutes, and their days, computed anew, unless they would lose
        minutes by it. Nothing of a purged past is touched. In `known` stretches other minutes go,
        and every hour is computed anew. Imported minutes that do not exist go in any case.
        """
        self._absences = derive_nonexistent_windows(objects)
        incoming = self._drop_expired(incoming)
        if not incoming.num_rows:
            return RestoreResult()
        storable = bulk_load.convert_to_storage(self._connection, incoming)
        found = RestoreResult()
        for step in split_into_steps(storable):
            found += self._restore_step(step, storable)
        self._refuse_outside_rows(storable)
        opens = self._exclude_refused(storable["open_time"])
        found += RestoreResult(deleted=len(self._dropped), refused=self.result.refused)
        found += RestoreResult(deleted=self._delete_unpublished(opens, known))
        return found + self._mark_periods_stale(opens, found.minutes, known)

    def _exclude_refused(self, opens: pa.ChunkedArray) -> pa.ChunkedArray:
        refused = pa.array(sorted(self._refused), pa.int64())
        return opens.filter(pc.invert(pc.is_in(opens, refused))) if self._refused else opens

    def _widen_span(self, span: Window) -> Window:
        """Whole days: what an import has beside the lake's rows is looked at too."""
        return span.widen_to(DAY_MS)

    def _restore_step(self, incoming: pa.Table, everything: pa.Table) -> RestoreResult:
        incoming, held = self._refuse_versions(incoming, self._read_stored(incoming), everything)
        if not incoming.num_rows:
            return RestoreResult()
        settled = resolve_versions(incoming, incoming.slice(0, 0))
        revisions.record_revisions(
            self._connection, self._symbol_id, incoming, settled.conflicting_times, self._now
        )
        lake = settled.new
        place = pc.index_in(lake["open_time"], held["open_time"].combine_chunks())
        new = lake.filter(pc.is_null(place))
        known = lake.filter(pc.is_valid(place))
        mine = held.take(place.drop_null())
        ours = takes_precedence(known, mine)
        known, mine = known.filter(ours), mine.filter(ours)
        differs = _rows_differ(known, mine, (*VALUE_COLUMNS, "fetched_at", "source"))
        self._write_rows(new)
        self._write_rows(known.filter(differs), overwrite=True)
        self._mark = self._mark.with_rows(
            pc.max(lake["open_time"]).as_py(), pc.max(incoming["fetched_at"]).as_py(), new.num_rows
        )
        changed = pc.sum(_rows_differ(known, mine, VALUE_COLUMNS)).as_py() or 0
        return RestoreResult(lake.num_rows, new.num_rows, changed)

    def _delete_unpublished(self, opens: pa.ChunkedArray, known: CompleteWindows) -> int:
        """Deletes what is held in known stretches, and is not among these minutes."""
        purged = self._mark.purged_before or 0
        deleted = 0
        for span in known.windows:
            window = span & Window(purged, max(purged, span.end_ms))
            held = arrow_reader.read_symbol_rows(
                self._connection, fact_klines, self._symbol_id, window, _FETCH_SCHEMA
            )
            others = held.filter(
                pc.and_(
                    pc.invert(pc.is_in(held["open_time"], opens.combine_chunks())),
                    pc.less(held["fetched_at"], known.fetched_before),
                )
            )["open_time"].to_pylist()
            for first in range(0, len(others), DELETE_BATCH_ROWS):
                some = others[first : first + DELETE_BATCH_ROWS]
                deleted += self._delete_minutes(fact_klines.c.open_time.in_(some))
            self._mark_hours_stale(
                np.array(sorted({floor_ms(at, HOUR_MS) for at in others}), np.int64)
            )
        if deleted:
            self._recount_minutes()
        return deleted

    def _recount_minutes(self) -> None:
        """What was written behind the warehouse's back was never counted."""
        mine = fact_klines.c.symbol_id == self._symbol_id
        rows = select(func.count()).select_from(fact_klines).where(mine)
        count = int(self._connection.execute(rows).scalar() or 0)
        self._mark = replace(self._mark, record_count=count)

    def _mark_periods_stale(
        self, opens: pa.ChunkedArray, restored: int, known: CompleteWindows
    ) -> RestoreResult:
        """Marks hours as stale; counts what is left as it is."""
        wanted = sorted({floor_ms(at, HOUR_MS) for at in pc.unique(opens).to_pylist()})
        if not wanted:
            return RestoreResult()
        days = sorted({floor_ms(hour, DAY_MS) for hour in wanted})
        span = Window(days[0], days[-1] + DAY_MS)
        held = self._count_minutes(fact_klines, span)
        hours = self._count_minutes(hourly_klines, span)
        whole = self._count_minutes(daily_klines, span)
        for at in self._dropped:  # what an hour or a day loses by these it must lose
            hours[floor_ms(at, HOUR_MS)] = hours.get(floor_ms(at, HOUR_MS), 0) - 1
            whole[floor_ms(at, DAY_MS)] = whole.get(floor_ms(at, DAY_MS), 0) - 1
        due = {hour for hour in wanted if held.get(hour, 0) >= hours.get(hour, 0)}
        for day in days:
            own = range(day, day + DAY_MS, HOUR_MS)
            then = sum((held if hour in due else hours).get(hour, 0) for hour in own)
            if then < whole.get(day, 0):
                due -= set(own)
        due |= {hour for hour in known.list_hours() if hour >= (self._mark.purged_before or 0)}
        self._mark_hours_stale(np.array(sorted(due), np.int64))
        kept = sum(held.get(hour, 0) for day in days for hour in range(day, day + DAY_MS, HOUR_MS))
        return RestoreResult(kept=kept - restored, skipped_hours=len({*wanted} - due))

    def _count_minutes(self, table: Table, span: Window) -> dict[int, int]:
        """Minutes by hour of the facts, by period of a table of periods."""
        mine = match_window(table, self._symbol_id, span)
        if table is not fact_klines:
            statement = select(table.c.open_time, table.c.minute_count).where(*mine)
        else:
            hour = (table.c.open_time - table.c.open_time % HOUR_MS).label("hour")
            rows = select(hour).where(*mine).subquery("rows_by_hour")
            statement = select(rows.c.hour, func.count()).group_by(rows.c.hour)
        return {row[0]: int(row[1]) for row in self._connection.execute(statement)}


def _rows_differ(one: pa.Table, other: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    differs = pc.not_equal(one[names[0]], other[names[0]])
    for name in names[1:]:
        differs = pc.or_(differs, pc.not_equal(one[name], other[name]))
    return differs
