"""The transaction that restores stored minutes from the lake.

It keeps what only the warehouse still has: minutes of later fetches, minutes whose objects have
expired, and the hours and days that were built from them.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Select, Table, func, select

from crypto_assets.market.candles import VALUE_COLUMNS
from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, floor_ms
from crypto_assets.warehouse.engine import arrow_reader, bulk_load
from crypto_assets.warehouse.engine.schema import (
    daily_klines,
    fact_klines,
    hourly_klines,
)
from crypto_assets.warehouse.engine.time_filters import match_window
from crypto_assets.warehouse.klines import revisions
from crypto_assets.warehouse.klines.conflict_resolution import (
    FETCHED_SCHEMA,
    mask_differing_rows,
    resolve_versions,
    takes_precedence,
)
from crypto_assets.warehouse.klines.load_transaction import LoadTransaction, split_into_steps
from crypto_assets.warehouse.klines.nonexistent_minutes import derive_nonexistent_windows

_FETCH_SCHEMA = pa.schema([FETCHED_SCHEMA.field(name) for name in ("open_time", "fetched_at")])


@dataclass(frozen=True)
class RestoreResult:
    """Counts of the lake's `minutes`: how many are `new`, and how many `changed` stored values.

    `kept` counts the other stored minutes of the same days. `skipped_hours` were not marked as
    stale, because they were built from minutes that are no longer stored. `deleted` counts stored
    minutes that were never published. `refused` counts minutes, of the lake or stored, that do not
    exist and were quarantined; see `nonexistent_minutes`.
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
    """Windows of which the lake has every minute: another stored minute was never published.

    Minutes that were fetched from `fetched_before` (epoch ms) on are exempt: the lake was listed
    before them.
    """

    windows: tuple[Window, ...] = ()
    fetched_before: int = 0

    def list_hours(self) -> set[int]:
        """Return the open times of the hours that lie completely inside."""
        whole = (window.narrow_to(HOUR_MS) for window in self.windows)
        return {hour for part in whole for hour in range(part.start_ms, part.end_ms, HOUR_MS)}


class RestoreTransaction(LoadTransaction):
    """A load in which a version of the lake replaces the stored version of the same fetch."""

    def restore_versions(
        self, incoming: pa.Table, objects: Sequence[LakeObject], complete: CompleteWindows
    ) -> RestoreResult:
        """Store rows of FETCHED_SCHEMA over the stored versions of their minutes.

        Versions that take precedence stay, and nothing before `purged_before` changes. The rows'
        hours become stale unless recomputing would lose minutes. In `complete` windows other
        minutes are deleted, and every hour becomes stale.
        """
        storable = bulk_load.convert_to_storage(self._connection, self._drop_expired(incoming))
        self._nonexistent = derive_nonexistent_windows(objects, storable)
        restored = RestoreResult()
        for step in split_into_steps(storable):
            restored += self._restore_step(step, storable)
        self._refuse_stored_versions(storable)
        refused = pa.array(sorted(self._refused_times), pa.int64())
        opens = storable["open_time"].filter(pc.invert(pc.is_in(storable["open_time"], refused)))
        deleted = len(self._deleted_times) + self._delete_unpublished(opens, complete)
        restored += RestoreResult(deleted=deleted, refused=self.result.refused)
        return restored + self._mark_periods_stale(opens, restored.minutes, complete)

    def _widen_window(self, window: Window) -> Window:
        """Widen a window to whole days, to check what an import has beside the lake's rows."""
        return window.widen_to(DAY_MS)

    def _restore_step(self, incoming: pa.Table, all_incoming: pa.Table) -> RestoreResult:
        incoming, stored = self._drop_nonexistent(
            incoming, self._read_stored(incoming), all_incoming
        )
        if not incoming.num_rows:
            return RestoreResult()
        resolved = resolve_versions(incoming, incoming.slice(0, 0))
        revisions.record_revisions(
            self._connection, self._symbol_id, incoming, resolved.conflicting_times, self._now
        )
        lake = resolved.new
        place = pc.index_in(lake["open_time"], stored["open_time"].combine_chunks())
        new = lake.filter(pc.is_null(place))
        ours, theirs = lake.filter(pc.is_valid(place)), stored.take(place.drop_null())
        counts = takes_precedence(ours, theirs)
        ours, theirs = ours.filter(counts), theirs.filter(counts)
        differs = mask_differing_rows(ours, theirs, (*VALUE_COLUMNS, "fetched_at", "source"))
        self._write_rows(new)
        self._write_rows(ours.filter(differs), overwrite=True)
        self._mark = self._mark.with_rows(
            pc.max(lake["open_time"]).as_py(), pc.max(incoming["fetched_at"]).as_py(), new.num_rows
        )
        changed = pc.sum(mask_differing_rows(ours, theirs, VALUE_COLUMNS)).as_py() or 0
        return RestoreResult(lake.num_rows, new.num_rows, changed)

    def _delete_unpublished(self, opens: pa.ChunkedArray, complete: CompleteWindows) -> int:
        """Delete the minutes of complete windows that do not open at one of `opens`."""
        deleted = 0
        for window in complete.windows:
            _, unpurged = window.split_at(self._mark.purged_before or 0)
            stored = arrow_reader.read_symbol_rows(
                self._connection,
                fact_klines,
                self._symbol_id,
                unpurged,
                _FETCH_SCHEMA,
            )
            unpublished = stored.filter(
                pc.and_(
                    pc.invert(pc.is_in(stored["open_time"], opens.combine_chunks())),
                    pc.less(stored["fetched_at"], complete.fetched_before),
                )
            )
            deleted += self._delete_open_times(unpublished["open_time"].to_pylist())
        if deleted:
            self._recount_minutes()
        return deleted

    def _recount_minutes(self) -> None:
        """Count the symbol's rows: those that another program wrote were never counted."""
        of_symbol = fact_klines.c.symbol_id == self._symbol_id
        rows = select(func.count()).select_from(fact_klines).where(of_symbol)
        count = int(self._connection.execute(rows).scalar() or 0)
        self._mark = replace(self._mark, record_count=count)

    def _mark_periods_stale(
        self, opens: pa.ChunkedArray, restored: int, complete: CompleteWindows
    ) -> RestoreResult:
        """Mark the hours of `opens` as stale; returns the counts of what stays as it is."""
        hours = {floor_ms(at, HOUR_MS) for at in pc.unique(opens).to_pylist()}
        if not hours:
            return RestoreResult()
        days = sorted({floor_ms(hour, DAY_MS) for hour in hours})
        window = Window(days[0], days[-1] + DAY_MS)
        stored = self._count_minutes(_select_fact_counts(self._symbol_id, window))
        stale = self._find_recomputable_hours(hours, days, stored)
        purged = self._mark.purged_before or 0
        stale |= {hour for hour in complete.list_hours() if hour >= purged}
        self._mark_hours_stale(np.array(sorted(stale), np.int64))
        minutes = sum(stored[hour] for day in days for hour in _hours_of_day(day))
        return RestoreResult(kept=minutes - restored, skipped_hours=len(hours - stale))

    def _find_recomputable_hours(
        self, hours: Collection[int], days: Sequence[int], stored: Counter[int]
    ) -> set[int]:
        """Return the hours that can be recomputed, with their days, without losing minutes.

        A stored hour or day may have been built from minutes that are gone. An hour can be
        recomputed if at least as many minutes are stored; a day if its hours then have at least as
        many. `stored` holds the number of minutes per hour.
        """
        window = Window(days[0], days[-1] + DAY_MS)
        in_hours = self._count_minutes(_select_counts(hourly_klines, self._symbol_id, window))
        in_days = self._count_minutes(_select_counts(daily_klines, self._symbol_id, window))
        for at in self._deleted_times:  # these do not exist: hours and days must lose them
            in_hours[floor_ms(at, HOUR_MS)] -= 1
            in_days[floor_ms(at, DAY_MS)] -= 1
        recomputable = {hour for hour in hours if stored[hour] >= in_hours[hour]}
        for day in days:
            hours_of_day = _hours_of_day(day)
            left = sum(
                (stored if hour in recomputable else in_hours)[hour] for hour in hours_of_day
            )
            if left < in_days[day]:
                recomputable.difference_update(hours_of_day)
        return recomputable

    def _count_minutes(self, statement: Select[int, int]) -> Counter[int]:
        rows = self._connection.execute(statement)
        return Counter({row[0]: int(row[1]) for row in rows})


def _select_counts(table: Table, symbol_id: int, window: Window) -> Select[int, int]:
    """Select from how many minutes each stored hour or day was built."""
    return select(table.c.open_time, table.c.minute_count).where(
        *match_window(table, symbol_id, window)
    )


def _select_fact_counts(symbol_id: int, window: Window) -> Select[int, int]:
    """Select how many minutes of each hour are stored."""
    opened = fact_klines.c.open_time
    hours = (
        select((opened - opened % HOUR_MS).label("hour"))
        .where(*match_window(fact_klines, symbol_id, window))
        .subquery("hours")
    )
    return select(hours.c.hour, func.count()).group_by(hours.c.hour)


def _hours_of_day(day: int) -> range:
    return range(day, day + DAY_MS, HOUR_MS)
