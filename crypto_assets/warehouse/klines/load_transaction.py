"""The transaction that loads minute candles of one symbol, under the symbol's lock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, delete, func, select

from crypto_assets.batches import iter_batches
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, cover_windows
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.lake_objects import mark_objects_loaded
from crypto_assets.warehouse.engine import arrow_reader, bulk_load
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import fact_klines
from crypto_assets.warehouse.klines import revisions, stale_periods
from crypto_assets.warehouse.klines.conflict_resolution import (
    FETCHED_SCHEMA,
    ResolvedVersions,
    resolve_versions,
)
from crypto_assets.warehouse.klines.nonexistent_minutes import (
    NonexistentWindow,
    RefusedVersions,
    derive_nonexistent_windows,
    exclude_refused,
    find_doubtful_versions,
    find_refused_versions,
    quarantine_refused,
    read_nonexistent_windows,
)
from crypto_assets.warehouse.quality.gap_ledger import reopen_gaps

# Rows that one step compares with the stored ones; it bounds memory.
STEP_ROWS = 50_000
_DELETE_BATCH_ROWS = 1000

OpenTimes = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class LoadResult:
    """Counts of a load: incoming `rows`, `new` minutes and `changed` ones.

    The other rows equal the stored ones, are superseded, or are older than `purged_before`.
    `stale_hours` holds the open times of the hours with new or changed minutes. `refused` counts
    the minutes, incoming or stored, that do not exist and were quarantined (`nonexistent_minutes`).
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    stale_hours: tuple[int, ...] = ()
    refused: int = 0

    def __add__(self, other: "LoadResult") -> "LoadResult":
        return LoadResult(
            self.rows + other.rows,
            self.new + other.new,
            self.changed + other.changed,
            tuple(sorted({*self.stale_hours, *other.stale_hours})),
            self.refused + other.refused,
        )


def add_provenance(item: LakeObject, candles: pa.Table) -> pa.Table:
    """Add the fetch time and source of their object to candles; returns FETCHED_SCHEMA."""
    return pa.table(
        [
            *(candles[name] for name in CANDLE_COLUMNS),
            pa.repeat(item.fetched_at, candles.num_rows),
            pa.repeat(item.source.value, candles.num_rows),
        ],
        schema=FETCHED_SCHEMA,
    )


class LoadTransaction:
    """The steps of a load. Call `store_versions`, then `finish_load`, in one database transaction.

    `now` is the time of the load in epoch ms.
    """

    def __init__(
        self, database: Database, connection: Connection, symbol: str, symbol_id: int, now: int
    ) -> None:
        self._database = database
        self._connection = connection
        self._symbol = symbol
        self._symbol_id = symbol_id
        self._now = now
        self._nonexistent: Sequence[NonexistentWindow] = ()
        self._refused_times: set[int] = set()
        self._deleted_times: list[int] = []  # the refused minutes that were stored
        self._mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
        self.result = LoadResult()

    def store_versions(self, incoming: pa.Table, objects: Sequence[LakeObject]) -> None:
        """Store rows of FETCHED_SCHEMA, which come from `objects`.

        Rows before `purged_before` are ignored. Minutes that do not exist are quarantined, and
        deleted if they are stored; see `nonexistent_minutes`.
        """
        self.result += LoadResult(rows=incoming.num_rows)
        incoming = bulk_load.convert_to_storage(self._connection, self._drop_expired(incoming))
        self._nonexistent = derive_nonexistent_windows(objects, incoming)
        for step in split_into_steps(incoming):
            self._store_step(step, incoming)
        self._refuse_stored_versions(incoming)

    def quarantine_nonexistent(self, nonexistent: NonexistentWindow) -> None:
        """Quarantine the stored minutes of a window that no source of sufficient rank has."""
        self._nonexistent = [nonexistent]
        self._refuse_stored_versions(FETCHED_SCHEMA.empty_table())

    def finish_load(self, objects: Sequence[LakeObject]) -> None:
        """Store the watermark and mark the objects as loaded."""
        watermarks.store_watermark(self._connection, self._symbol_id, ObjectKind.KLINES, self._mark)
        mark_objects_loaded(self._connection, objects, self._now)

    def _drop_expired(self, incoming: pa.Table) -> pa.Table:
        if self._mark.purged_before is None:
            return incoming
        return incoming.filter(pc.greater_equal(incoming["open_time"], self._mark.purged_before))

    def _delete_minutes(self, *conditions: ColumnElement[bool]) -> int:
        """Delete the symbol's minutes that match the conditions; returns how many."""
        of_symbol = fact_klines.c.symbol_id == self._symbol_id
        deleted = self._connection.execute(
            delete(fact_klines).where(of_symbol, *conditions)
        ).rowcount
        newest = select(func.max(fact_klines.c.open_time)).where(of_symbol)
        self._mark = replace(
            self._mark,
            last_open_time=self._connection.execute(newest).scalar(),
            record_count=self._mark.record_count - deleted,
        )
        return deleted

    def _delete_open_times(self, times: Sequence[int]) -> int:
        """Delete the symbol's minutes that open at `times`; their hours become stale."""
        deleted = sum(
            self._delete_minutes(fact_klines.c.open_time.in_(batch))
            for batch in iter_batches(times, _DELETE_BATCH_ROWS)
        )
        self._mark_hours_stale(_list_hours(np.array(times, np.int64)))
        return deleted

    def _store_step(self, incoming: pa.Table, all_incoming: pa.Table) -> None:
        incoming, stored = self._drop_nonexistent(
            incoming, self._read_stored(incoming), all_incoming
        )
        if not incoming.num_rows:
            return
        stored = _filter_to_range(stored, incoming)
        resolved = resolve_versions(incoming, stored)
        if stored.num_rows or resolved.conflicting_times:
            versions = pa.concat_tables([incoming, stored])
            revisions.record_revisions(
                self._connection, self._symbol_id, versions, resolved.conflicting_times, self._now
            )
        self._write_rows(resolved.new)
        self._write_rows(resolved.rewritten, overwrite=True)
        self._update_result(incoming, resolved)

    def _read_stored(self, incoming: pa.Table) -> pa.Table:
        return self._read_window(self._widen_window(_cover_rows(incoming)))

    def _read_window(self, window: Window) -> pa.Table:
        schema = bulk_load.make_storage_schema(self._connection, FETCHED_SCHEMA)
        return arrow_reader.read_symbol_rows(
            self._connection, fact_klines, self._symbol_id, window, schema
        )

    def _widen_window(self, window: Window) -> Window:
        """Return the window of the stored minutes that rows in `window` can affect.

        It has whole hours, because the rows may verify them, and the windows that the rows' objects
        cover.
        """
        overlapping = [absence.window for absence in self._nonexistent if absence.window & window]
        return cover_windows([window.widen_to(HOUR_MS), *overlapping])

    def _drop_nonexistent(
        self, incoming: pa.Table, stored: pa.Table, all_incoming: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """Return incoming and stored versions without those of minutes that do not exist.

        These are quarantined, and deleted if they are stored. A minute exists as well if
        `all_incoming`, the rows of the whole load, has a version of sufficient rank.
        """
        versions = pa.concat_tables([incoming, stored])
        doubtful = find_doubtful_versions(versions, all_incoming)
        if not doubtful.num_rows:
            return incoming, stored
        nonexistent = [
            *self._nonexistent,
            *read_nonexistent_windows(
                self._connection, self._symbol, self._symbol_id, _cover_rows(doubtful)
            ),
        ]
        refused = find_refused_versions(doubtful, [versions, all_incoming], nonexistent)
        if refused.rows.num_rows:
            self._quarantine_versions(refused, stored, nonexistent)
        return exclude_refused(incoming, refused), exclude_refused(stored, refused)

    def _refuse_stored_versions(self, incoming: pa.Table) -> None:
        """Drop the nonexistent minutes of the windows in which no incoming row is left."""
        opens = incoming["open_time"].to_numpy()
        for window in {absence.window for absence in self._nonexistent}:
            if not ((opens >= window.start_ms) & (opens < window.end_ms)).any():
                stored = self._read_window(window)
                self._drop_nonexistent(stored.slice(0, 0), stored, stored.slice(0, 0))

    def _quarantine_versions(
        self, refused: RefusedVersions, stored: pa.Table, nonexistent: Sequence[NonexistentWindow]
    ) -> None:
        """Quarantine refused versions, delete those that are stored, and reopen their gaps."""
        quarantine_refused(self._connection, self._symbol, refused, self._now)
        times = sorted(set(refused.open_times))
        deleted = sorted(set(times) & set(stored["open_time"].to_pylist()))
        self._delete_open_times(deleted)
        self._refused_times |= set(times)
        self._deleted_times += deleted
        reopen_gaps(
            self._connection,
            self._symbol_id,
            [
                absence.gap_start
                for absence in nonexistent
                if absence.gap_start is not None and any(at in absence.window for at in deleted)
            ],
        )
        self._mark = self._mark.with_fetch(pc.max(refused.rows["fetched_at"]).as_py())
        hours = _list_hours(np.array(deleted, np.int64))
        self.result += LoadResult(refused=len(times), stale_hours=tuple(hours.tolist()))

    def _write_rows(self, rows: pa.Table, *, overwrite: bool = False) -> None:
        rows = rows.append_column("symbol_id", pa.repeat(self._symbol_id, rows.num_rows))
        bulk_load.write_rows(self._database, self._connection, fact_klines, rows, replace=overwrite)

    def _update_result(self, incoming: pa.Table, resolved: ResolvedVersions) -> None:
        fresh = pa.concat_tables([resolved.new, resolved.rewritten.slice(0, resolved.changed)])
        hours = _list_hours(fresh["open_time"].to_numpy())
        self._mark_hours_stale(hours)
        self.result += LoadResult(
            new=resolved.new.num_rows, changed=resolved.changed, stale_hours=tuple(hours.tolist())
        )
        self._mark = self._mark.with_rows(
            pc.max(incoming["open_time"]).as_py(),
            pc.max(incoming["fetched_at"]).as_py(),
            resolved.new.num_rows,
        )

    def _mark_hours_stale(self, hours: OpenTimes) -> None:
        stale_periods.mark_hours_stale(self._database, self._connection, self._symbol_id, hours)


def split_into_steps(incoming: pa.Table) -> Iterator[pa.Table]:
    """Split rows by open time into steps of about STEP_ROWS, ascending.

    All versions of a minute are in one step. No step contains a hole of a day or more, so the
    stored rows that are read to compare are about as many as the step has.
    """
    times = incoming["open_time"].to_numpy()
    if not (times[:-1] <= times[1:]).all():
        incoming = incoming.sort_by("open_time")
        times = incoming["open_time"].to_numpy()
    start = 0
    holes = set((np.flatnonzero(np.diff(times) >= DAY_MS) + 1).tolist())
    for hole in sorted({*holes, len(times)}):
        while start < hole:
            end = min(start + STEP_ROWS, hole)
            end = int(np.searchsorted(times, times[end - 1], side="right"))
            yield incoming.slice(start, end - start)
            start = end


def _cover_rows(rows: pa.Table) -> Window:
    ends = pc.min_max(rows["open_time"]).as_py()
    return Window(ends["min"], ends["max"] + 1)


def _filter_to_range(stored: pa.Table, incoming: pa.Table) -> pa.Table:
    """Return the stored rows from the first to the last incoming open time."""
    ends, opens = pc.min_max(incoming["open_time"]), stored["open_time"]
    within = pc.and_(pc.greater_equal(opens, ends["min"]), pc.less_equal(opens, ends["max"]))
    return stored.filter(within) if stored.num_rows else stored


def _list_hours(times: OpenTimes) -> OpenTimes:
    """Return the open times of the hours that contain `times`, ascending."""
    return np.unique(times // HOUR_MS) * HOUR_MS
