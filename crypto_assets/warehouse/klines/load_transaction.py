"""One load of minute candles: a transaction that holds the symbol's lock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, delete, func, select

from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, cover_windows
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.lake_objects import mark_objects_loaded
from crypto_assets.warehouse.engine import arrow_reader, bulk_load
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import fact_klines, stale_hours
from crypto_assets.warehouse.klines import revisions
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

# Minutes that one step compares with what is held, to bound memory.
STEP_ROWS = 50_000
DELETE_BATCH_ROWS = 1000

OpenTimes = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class LoadResult:
    """Of the rows given: new minutes and changed ones; the rest was held, outdone or too old.

    `stale_hours` are the open times of the hours whose minutes are new or changed. `refused` counts
    imported minutes, given or stored, that do not exist (see `absence`): they are in quarantine.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    stale_hours: tuple[int, ...] = ()
    refused: int = 0

    @property
    def unchanged(self) -> int:
        return self.rows - self.new - self.changed

    def __add__(self, other: "LoadResult") -> "LoadResult":
        return LoadResult(
            self.rows + other.rows,
            self.new + other.new,
            self.changed + other.changed,
            tuple(sorted({*self.stale_hours, *other.stale_hours})),
            self.refused + other.refused,
        )


def add_provenance(item: LakeObject, candles: pa.Table) -> pa.Table:
    """Candles with their object's provenance, as a table of FETCHED_SCHEMA."""
    length = candles.num_rows
    return pa.table(
        [
            *(candles[name] for name in CANDLE_COLUMNS),
            bulk_load.make_constant_column(item.fetched_at, length),
            pa.array([item.source.value] * length, pa.string()),
        ],
        schema=FETCHED_SCHEMA,
    )


class LoadTransaction:
    """The steps of a load, in the order in which they are to be called."""

    def __init__(
        self, database: Database, connection: Connection, symbol: str, symbol_id: int, now: int
    ) -> None:
        self._database = database
        self._connection = connection
        self._symbol = symbol
        self._symbol_id = symbol_id
        self._now = now
        self._absences: Sequence[NonexistentWindow] = ()
        self._refused: set[int] = set()
        self._dropped: list[int] = []
        self._mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
        self.result = LoadResult()

    def store_versions(self, incoming: pa.Table, objects: Sequence[LakeObject]) -> None:
        """Stores versions of FETCHED_SCHEMA, as far as they are not of a purged past.

        `objects` hold them. Minutes that do not exist (see `absence`) go, stored ones too.
        """
        self.result += LoadResult(rows=incoming.num_rows)
        self._absences = derive_nonexistent_windows(objects)
        incoming = bulk_load.convert_to_storage(self._connection, self._drop_expired(incoming))
        for step in split_into_steps(incoming):
            self._resolve_step(step, incoming)
        self._refuse_outside_rows(incoming)

    def quarantine_nonexistent(self, absence: NonexistentWindow) -> None:
        """Quarantines the stored minutes of a window that were imported and do not exist."""
        self._absences = [absence]
        self._refuse_outside_rows(FETCHED_SCHEMA.empty_table())

    def _drop_expired(self, incoming: pa.Table) -> pa.Table:
        if self._mark.purged_before is None:
            return incoming
        return incoming.filter(pc.greater_equal(incoming["open_time"], self._mark.purged_before))

    def finish_load(self, objects: Sequence[LakeObject]) -> None:
        watermarks.store_watermark(self._connection, self._symbol_id, ObjectKind.KLINES, self._mark)
        mark_objects_loaded(self._connection, objects, self._now)

    def _delete_minutes(self, *which: ColumnElement[bool]) -> int:
        """Deletes some of the symbol's minutes; returns how many went."""
        mine = fact_klines.c.symbol_id == self._symbol_id
        gone = self._connection.execute(delete(fact_klines).where(mine, *which)).rowcount
        newest = select(func.max(fact_klines.c.open_time)).where(mine)
        self._mark = replace(
            self._mark,
            last_open_time=self._connection.execute(newest).scalar(),
            record_count=self._mark.record_count - gone,
        )
        return gone

    def _resolve_step(self, incoming: pa.Table, everything: pa.Table) -> None:
        incoming, held = self._refuse_versions(incoming, self._read_stored(incoming), everything)
        if not incoming.num_rows:
            return
        held = _filter_to_span(held, incoming)
        settled = resolve_versions(incoming, held)
        if held.num_rows or settled.conflicting_times:
            versions = pa.concat_tables([incoming, held])
            revisions.record_revisions(
                self._connection, self._symbol_id, versions, settled.conflicting_times, self._now
            )
        self._write_rows(settled.new)
        self._write_rows(settled.rewritten, overwrite=True)
        self._update_result(incoming, settled)

    def _read_stored(self, incoming: pa.Table) -> pa.Table:
        times = incoming["open_time"]
        return self._read_window(
            self._widen_span(Window(pc.min(times).as_py(), pc.max(times).as_py() + 1))
        )

    def _read_window(self, window: Window) -> pa.Table:
        schema = bulk_load.make_storage_schema(self._connection, FETCHED_SCHEMA)
        return arrow_reader.read_symbol_rows(
            self._connection, fact_klines, self._symbol_id, window, schema
        )

    def _widen_span(self, span: Window) -> Window:
        """Return a span of rows with all of the days for which their objects speak.

        And with its whole hours, one of which may be verified.
        """
        windows = [one.window for one in self._absences if one.window & span]
        return cover_windows([span.widen_to(HOUR_MS), *windows])

    def _refuse_versions(
        self, incoming: pa.Table, held: pa.Table, everything: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """Return incoming and stored versions without those of minutes that do not exist.

        The stored ones are deleted. A version in `everything`, which is all that the load brings,
        speaks for its minute as one in these does.
        """
        versions = pa.concat_tables([incoming, held])
        doubtful = find_doubtful_versions(versions, everything)
        if not doubtful.num_rows:
            return incoming, held
        times = doubtful["open_time"]
        span = Window(pc.min(times).as_py(), pc.max(times).as_py() + 1)
        absences = [
            *self._absences,
            *read_nonexistent_windows(self._connection, self._symbol, self._symbol_id, span),
        ]
        refused = find_refused_versions(doubtful, [versions, everything], absences)
        if refused.rows.num_rows:
            self._drop_refused(refused, held, absences)
        return exclude_refused(incoming, refused), exclude_refused(held, refused)

    def _refuse_outside_rows(self, incoming: pa.Table) -> None:
        """The same in the days and hours of objects none of whose rows is left to compare."""
        opens = incoming["open_time"].to_numpy()
        for window in {one.window for one in self._absences}:
            if not ((opens >= window.start_ms) & (opens < window.end_ms)).any():
                held = self._read_window(window)
                self._refuse_versions(held.slice(0, 0), held, held.slice(0, 0))

    def _drop_refused(
        self, refused: RefusedVersions, held: pa.Table, absences: Sequence[NonexistentWindow]
    ) -> None:
        """Quarantine refused minutes; stored ones go, and a gap that they closed is open again."""
        quarantine_refused(self._connection, self._symbol, refused, self._now)
        times = sorted(set(refused.open_times))
        stored = sorted(set(times) & set(held["open_time"].to_pylist()))
        for first in range(0, len(stored), DELETE_BATCH_ROWS):
            some = stored[first : first + DELETE_BATCH_ROWS]
            self._delete_minutes(fact_klines.c.open_time.in_(some))
        hours = np.unique(np.array(stored, np.int64) // HOUR_MS) * HOUR_MS
        self._mark_hours_stale(hours)
        self._refused |= set(times)
        self._dropped += stored
        reopen_gaps(
            self._connection,
            self._symbol_id,
            [
                one.gap_start
                for one in absences
                if one.gap_start is not None and any(at in one.window for at in stored)
            ],
        )
        self._mark = self._mark.with_fetch(pc.max(refused.rows["fetched_at"]).as_py())
        self.result += LoadResult(refused=len(times), stale_hours=tuple(hours.tolist()))

    def _write_rows(self, rows: pa.Table, *, overwrite: bool = False) -> None:
        rows = rows.append_column(
            "symbol_id", bulk_load.make_constant_column(self._symbol_id, rows.num_rows)
        )
        bulk_load.write_rows(self._database, self._connection, fact_klines, rows, replace=overwrite)

    def _update_result(self, incoming: pa.Table, settled: ResolvedVersions) -> None:
        fresh = pa.concat_tables([settled.new, settled.rewritten.slice(0, settled.changed)])
        hours = np.unique(fresh["open_time"].to_numpy() // HOUR_MS) * HOUR_MS
        self._mark_hours_stale(hours)
        self.result += LoadResult(
            new=settled.new.num_rows, changed=settled.changed, stale_hours=tuple(hours.tolist())
        )
        self._mark = self._mark.with_rows(
            pc.max(incoming["open_time"]).as_py(),
            pc.max(incoming["fetched_at"]).as_py(),
            settled.new.num_rows,
        )

    def _mark_hours_stale(self, hours: OpenTimes) -> None:
        rows = pa.table(
            {
                "symbol_id": bulk_load.make_constant_column(self._symbol_id, len(hours)),
                "open_time": pa.array(hours, pa.int64()),
                "hour_done": bulk_load.make_constant_column(0, len(hours)),
            }
        )
        bulk_load.write_rows(self._database, self._connection, stale_hours, rows, replace=True)


def _filter_to_span(held: pa.Table, incoming: pa.Table) -> pa.Table:
    """Return the stored versions between the first and the last incoming open time."""
    ends, opens = pc.min_max(incoming["open_time"]), held["open_time"]
    within = pc.and_(pc.greater_equal(opens, ends["min"]), pc.less_equal(opens, ends["max"]))
    return held.filter(within) if held.num_rows else held


def split_into_steps(incoming: pa.Table) -> Iterator[pa.Table]:
    """Parts by open time, no minute in two of them, none with a hole of a day or more inside.

    A part's span is then no longer than what it holds, and so is what is read to compare.
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
