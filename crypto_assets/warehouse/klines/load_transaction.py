"""One load of minute candles: a transaction that holds the symbol's lock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, delete, func, select

from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, floor_ms
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.lake_objects import mark_loaded
from crypto_assets.warehouse.engine import arrow_reader, bulk_load
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import fact_klines, stale_hours
from crypto_assets.warehouse.klines import revisions
from crypto_assets.warehouse.klines.conflict_resolution import FETCHED_SCHEMA, Settlement, settle
from crypto_assets.warehouse.klines.nonexistent_minutes import (
    Absence,
    RefusedVersions,
    absences_of,
    find_doubtful,
    note_refused,
    recorded_absences,
    refuse,
    without,
)
from crypto_assets.warehouse.quality.gap_ledger import reopen

# Minutes that one step compares with what is held, to bound memory.
STEP_ROWS = 50_000
DELETED_AT_ONCE = 1000

Times = np.ndarray[tuple[int], np.dtype[np.int64]]


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


def fetched(item: LakeObject, candles: pa.Table) -> pa.Table:
    """Candles with their object's provenance, as a table of FETCHED_SCHEMA."""
    length = candles.num_rows
    return pa.table(
        [
            *(candles[name] for name in CANDLE_COLUMNS),
            bulk_load.constant(item.fetched_at, length),
            pa.array([item.source.value] * length, pa.string()),
        ],
        schema=FETCHED_SCHEMA,
    )


class Load:
    """The steps of a load, in the order in which they are to be called."""

    def __init__(
        self, database: Database, connection: Connection, symbol: str, symbol_id: int, now: int
    ) -> None:
        self._database = database
        self._connection = connection
        self._symbol = symbol
        self._symbol_id = symbol_id
        self._now = now
        self._absences: Sequence[Absence] = ()
        self._refused: set[int] = set()
        self._dropped: list[int] = []
        self._mark = watermarks.lock(connection, symbol_id, ObjectKind.KLINES)
        self.result = LoadResult()

    def clear(self, window: Window) -> None:
        """Deletes what is held of a window that is not purged, and has its hours computed anew."""
        start = max(window.start_ms, self._mark.purged_before or window.start_ms)
        self._delete(fact_klines.c.open_time >= start, fact_klines.c.open_time < window.end_ms)
        self._mark_stale(np.arange(floor_ms(start, HOUR_MS), window.end_ms, HOUR_MS))

    def take(self, incoming: pa.Table, objects: Sequence[LakeObject]) -> None:
        """Stores versions of FETCHED_SCHEMA, as far as they are not of a purged past.

        `objects` hold them. Minutes that do not exist (see `absence`) go, stored ones too.
        """
        self.result += LoadResult(rows=incoming.num_rows)
        self._absences = absences_of(objects)
        incoming = bulk_load.storable(self._connection, self._unpurged(incoming))
        for step in steps(incoming):
            self._settle(step, incoming)
        self._refuse_beside(incoming)

    def refuse(self, absence: Absence) -> None:
        """Quarantines the stored minutes of a window that were imported and do not exist."""
        self._absences = [absence]
        self._refuse_beside(FETCHED_SCHEMA.empty_table())

    def _unpurged(self, incoming: pa.Table) -> pa.Table:
        if self._mark.purged_before is None:
            return incoming
        return incoming.filter(pc.greater_equal(incoming["open_time"], self._mark.purged_before))

    def finish(self, objects: Sequence[LakeObject]) -> None:
        watermarks.store(self._connection, self._symbol_id, ObjectKind.KLINES, self._mark)
        mark_loaded(self._connection, objects, self._now)

    def _delete(self, *which: ColumnElement[bool]) -> int:
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

    def _settle(self, incoming: pa.Table, everything: pa.Table) -> None:
        incoming, held = self._refuse(incoming, self._held(incoming), everything)
        if not incoming.num_rows:
            return
        held = _beside(held, incoming)
        settled = settle(incoming, held)
        if held.num_rows or settled.contested:
            versions = pa.concat_tables([incoming, held])
            revisions.note(
                self._connection, self._symbol_id, versions, settled.contested, self._now
            )
        self._write(settled.new)
        self._write(settled.rewritten, overwrite=True)
        self._account(incoming, settled)

    def _held(self, incoming: pa.Table) -> pa.Table:
        times = incoming["open_time"]
        return self._read(self._reach(Window(pc.min(times).as_py(), pc.max(times).as_py() + 1)))

    def _read(self, window: Window) -> pa.Table:
        schema = bulk_load.storage_schema(self._connection, FETCHED_SCHEMA)
        return arrow_reader.of_symbol(
            self._connection, fact_klines, self._symbol_id, window, schema
        )

    def _reach(self, span: Window) -> Window:
        """Return a span of rows with all of the days for which their objects speak.

        And with its whole hours, one of which may be verified.
        """
        windows = [one.window for one in self._absences if one.window & span]
        return Window(
            min([floor_ms(span.start_ms, HOUR_MS), *(window.start_ms for window in windows)]),
            max(
                [
                    floor_ms(span.end_ms + HOUR_MS - 1, HOUR_MS),
                    *(window.end_ms for window in windows),
                ]
            ),
        )

    def _refuse(
        self, incoming: pa.Table, held: pa.Table, everything: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """Return incoming and stored versions without those of minutes that do not exist.

        The stored ones are deleted. A version in `everything`, which is all that the load brings,
        speaks for its minute as one in these does.
        """
        versions = pa.concat_tables([incoming, held])
        doubtful = find_doubtful(versions, everything)
        if not doubtful.num_rows:
            return incoming, held
        times = doubtful["open_time"]
        span = Window(pc.min(times).as_py(), pc.max(times).as_py() + 1)
        absences = [
            *self._absences,
            *recorded_absences(self._connection, self._symbol, self._symbol_id, span),
        ]
        refused = refuse(doubtful, [versions, everything], absences)
        if refused.rows.num_rows:
            self._drop(refused, held, absences)
        return without(incoming, refused), without(held, refused)

    def _refuse_beside(self, incoming: pa.Table) -> None:
        """The same in the days and hours of objects none of whose rows is left to compare."""
        opens = incoming["open_time"].to_numpy()
        for window in {one.window for one in self._absences}:
            if not ((opens >= window.start_ms) & (opens < window.end_ms)).any():
                held = self._read(window)
                self._refuse(held.slice(0, 0), held, held.slice(0, 0))

    def _drop(self, refused: RefusedVersions, held: pa.Table, absences: Sequence[Absence]) -> None:
        """Quarantine refused minutes; stored ones go, and a gap that they closed is open again."""
        note_refused(self._connection, self._symbol, refused, self._now)
        times = sorted(set(refused.open_times))
        stored = sorted(set(times) & set(held["open_time"].to_pylist()))
        for first in range(0, len(stored), DELETED_AT_ONCE):
            some = stored[first : first + DELETED_AT_ONCE]
            self._delete(fact_klines.c.open_time.in_(some))
        hours = np.unique(np.array(stored, np.int64) // HOUR_MS) * HOUR_MS
        self._mark_stale(hours)
        self._refused |= set(times)
        self._dropped += stored
        reopen(
            self._connection,
            self._symbol_id,
            [
                one.gap_start
                for one in absences
                if one.gap_start is not None and any(at in one.window for at in stored)
            ],
        )
        self._mark = self._mark.fetched(pc.max(refused.rows["fetched_at"]).as_py())
        self.result += LoadResult(refused=len(times), stale_hours=tuple(hours.tolist()))

    def _write(self, rows: pa.Table, *, overwrite: bool = False) -> None:
        rows = rows.append_column("symbol_id", bulk_load.constant(self._symbol_id, rows.num_rows))
        bulk_load.write(self._database, self._connection, fact_klines, rows, replace=overwrite)

    def _account(self, incoming: pa.Table, settled: Settlement) -> None:
        fresh = pa.concat_tables([settled.new, settled.rewritten.slice(0, settled.changed)])
        hours = np.unique(fresh["open_time"].to_numpy() // HOUR_MS) * HOUR_MS
        self._mark_stale(hours)
        self.result += LoadResult(
            new=settled.new.num_rows, changed=settled.changed, stale_hours=tuple(hours.tolist())
        )
        self._mark = self._mark.advanced(
            pc.max(incoming["open_time"]).as_py(),
            pc.max(incoming["fetched_at"]).as_py(),
            settled.new.num_rows,
        )

    def _mark_stale(self, hours: Times) -> None:
        rows = pa.table(
            {
                "symbol_id": bulk_load.constant(self._symbol_id, len(hours)),
                "open_time": pa.array(hours, pa.int64()),
                "hour_done": bulk_load.constant(0, len(hours)),
            }
        )
        bulk_load.write(self._database, self._connection, stale_hours, rows, replace=True)


def _beside(held: pa.Table, incoming: pa.Table) -> pa.Table:
    """Return the stored versions between the first and the last incoming open time."""
    ends, opens = pc.min_max(incoming["open_time"]), held["open_time"]
    within = pc.and_(pc.greater_equal(opens, ends["min"]), pc.less_equal(opens, ends["max"]))
    return held.filter(within) if held.num_rows else held


def steps(incoming: pa.Table) -> Iterator[pa.Table]:
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
