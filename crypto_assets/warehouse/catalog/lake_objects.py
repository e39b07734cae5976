"""The catalog of the lake's objects: what each contains, and whether it is loaded."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from crypto_assets.batches import iter_batches
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import Assignments, make_upsert
from crypto_assets.warehouse.engine.schema import lake_objects, quarantine, symbols
from crypto_assets.warehouse.engine.time_filters import floor_to_day

_COLUMN_NAMES = tuple(field.name for field in fields(LakeObject))
_BATCH_ROWS = 200


@dataclass(frozen=True)
class LakeTotal:
    """How many objects of one kind a bucket contains, and their size."""

    bucket: str
    kind: ObjectKind
    objects: int
    size_bytes: int


class ObjectVersion(Protocol):
    """A version of an object: `LakeObject` or `LoadedObject`. Later fetches have the same key."""

    @property
    def bucket(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def fetched_at(self) -> int: ...


class LakeObjectCatalog:
    def __init__(self, database: Database) -> None:
        self._database = database

    def record_objects(self, objects: Sequence[LakeObject]) -> None:
        """Record objects, in any order and repeatedly; of one key the latest fetch remains.

        A later fetch, or different content fetched at the same time, becomes unloaded.
        """
        rows = [asdict(item) for item in objects]
        for row in rows:
            row["kind"], row["source"] = str(row["kind"]), str(row["source"])

        def work(connection: Connection) -> None:
            connection.execute(
                make_upsert(connection, lake_objects, ["bucket", "key"], _keep_later_fetch), rows
            )

        if rows:
            self._database.run_write(work)

    def list_unloaded(self, symbol: str, kind: ObjectKind, window: Window) -> list[LakeObject]:
        """List objects of a window that are not loaded into the facts, oldest fetch first."""
        return self._read_objects(
            _select_in_window(symbol, kind, window).where(lake_objects.c.loaded_at.is_(None))
        )

    def list_in_window(self, symbol: str, kind: ObjectKind, window: Window) -> list[LakeObject]:
        """List objects with data inside the window, oldest fetch first."""
        return self._read_objects(_select_in_window(symbol, kind, window))

    def list_orphaned(
        self, kind: ObjectKind, fetched_before: int, limit: int = 1000
    ) -> list[LakeObject]:
        """List unloaded objects of registered symbols, fetched before an instant (epoch ms)."""
        statement = (
            _select_objects()
            .join(symbols, symbols.c.symbol == lake_objects.c.symbol)
            .where(lake_objects.c.kind == kind.value, lake_objects.c.loaded_at.is_(None))
            .where(lake_objects.c.fetched_at < fetched_before)
            .order_by(lake_objects.c.symbol, lake_objects.c.first_time, lake_objects.c.key)
        )
        return self._read_objects(statement.limit(limit))

    def list_latest(
        self,
        limit: int = 100,
        offset: int = 0,
        before: int | None = None,
        after: LakeObject | None = None,
    ) -> list[LakeObject]:
        """List objects, newest fetch first: the ingestion log.

        `before` (epoch ms) selects earlier fetches. `after` is the last object of a page; the next
        page starts behind it, even among objects fetched in the same millisecond. The order is
        that of the index on `fetched_at`, which contains the primary key.
        """
        statement = _select_objects()
        order = (lake_objects.c.fetched_at, lake_objects.c.bucket, lake_objects.c.key)
        if before is not None:
            statement = statement.where(lake_objects.c.fetched_at < before)
        if after is not None:
            fetched_at, *key = order
            follows = or_(fetched_at < after.fetched_at, tuple_(*key) < (after.bucket, after.key))
            statement = statement.where(fetched_at <= after.fetched_at, follows)
        newest = statement.order_by(*(column.desc() for column in order))
        return self._read_objects(newest.limit(limit).offset(offset))

    def list_fetched_after(self, kind: ObjectKind, at: int, limit: int = 1000) -> list[LakeObject]:
        """List objects that were fetched after an instant (epoch ms), newest fetch first."""
        statement = _select_objects().where(
            lake_objects.c.kind == kind.value, lake_objects.c.fetched_at > at
        )
        newest = statement.order_by(lake_objects.c.fetched_at.desc(), lake_objects.c.key)
        return self._read_objects(newest.limit(limit))

    def count_objects(self, symbol: str, kind: ObjectKind, window: Window) -> int:
        """Count the objects of `list_in_window`."""
        statement = select(func.count()).where(*match_objects(symbol, kind, window))
        return self._database.run_primary_read(lambda c: c.execute(statement).scalar_one())

    def summarize_rows(
        self, symbol: str, kind: ObjectKind, window: Window
    ) -> tuple[int, tuple[int, int] | None]:
        """Count the rows of a window's objects, and find their first and last time (epoch ms)."""
        first, last = lake_objects.c.first_time, lake_objects.c.last_time
        counted = func.coalesce(func.sum(lake_objects.c.rows), 0)
        statement = select(counted, func.min(first), func.max(last)).where(
            *match_objects(symbol, kind, window)
        )
        rows, start, end = self._database.run_read(lambda c: c.execute(statement).one())
        return int(rows), None if start is None else (start, end)

    def count_loaded_by_day(
        self, symbol: str, kind: ObjectKind, window: Window
    ) -> dict[int, tuple[int, int]]:
        """Count loaded objects and their rows by the start of the UTC day (epoch ms)."""
        day = floor_to_day(lake_objects.c.first_time)
        loaded = lake_objects.c.loaded_at.is_not(None)
        statement = (
            select(day, func.count(), func.sum(lake_objects.c.rows))
            .where(*match_objects(symbol, kind, window), loaded)
            .group_by(day)
        )
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return {start: (count, int(total)) for start, count, total in rows}

    def count_quarantined_by_day(
        self, symbol: str, kind: ObjectKind, window: Window
    ) -> dict[int, int]:
        """Count the quarantined rows of the objects of `count_loaded_by_day`, by the same days."""
        day = floor_to_day(lake_objects.c.first_time)
        loaded = lake_objects.c.loaded_at.is_not(None)
        of_object = and_(
            quarantine.c.bucket == lake_objects.c.bucket, quarantine.c.key == lake_objects.c.key
        )
        statement = (
            select(day, func.count())
            .select_from(lake_objects.join(quarantine, of_object))
            .where(*match_objects(symbol, kind, window), loaded, lake_objects.c.rows > 0)
            .group_by(day)
        )
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return {start: count for start, count in rows}

    def list_keys(self, buckets: Sequence[str], after: str, last: str) -> set[str]:
        """Return the recorded keys that are greater than `after` and at most `last`."""
        key = lake_objects.c.key
        statement = select(key).where(lake_objects.c.bucket.in_(buckets), key > after, key <= last)
        return set(self._database.run_primary_read(lambda c: c.execute(statement).scalars().all()))

    def find_object(self, bucket: str, key: str) -> LakeObject | None:
        """Return the object recorded under a key, None if there is none."""
        statement = _select_objects().where(
            lake_objects.c.bucket == bucket, lake_objects.c.key == key
        )
        return next(iter(self._read_objects(statement)), None)

    def list_newest(self, bucket: str, limit: int) -> list[LakeObject]:
        """List the objects of a bucket that were fetched last; reads all of its records."""
        statement = _select_objects().where(lake_objects.c.bucket == bucket)
        return self._read_objects(statement.order_by(lake_objects.c.fetched_at.desc()).limit(limit))

    def forget_objects(self, gone: Sequence[ObjectVersion]) -> None:
        """Delete the records of objects that are gone from the lake; later fetches remain."""

        def work(connection: Connection) -> None:
            for batch in iter_batches(gone, _BATCH_ROWS):
                connection.execute(delete(lake_objects).where(_match_versions(batch)))

        if gone:
            self._database.run_write(work)

    def record_moves(self, moved: Sequence[ObjectVersion], new_bucket: str) -> set[str]:
        """Record that objects of one bucket and their quarantined rows are in another one now.

        Replaces records with the same keys there. Returns the keys of the moved objects, without
        those, of which nothing changes, that have no record, or only one of another fetch.
        """

        def work(connection: Connection) -> set[str]:
            keys: set[str] = set()
            for batch in iter_batches(moved, _BATCH_ROWS):
                keys |= _record_moved_batch(connection, batch, new_bucket)
            return keys

        return self._database.run_write(work) if moved else set()

    def mark_loaded(self, objects: Sequence[LakeObject]) -> None:
        """Mark objects from which nothing can be loaded, so that no run tries them again."""
        self._database.run_write(lambda c: mark_objects_loaded(c, objects, now_ms()))

    def mark_unloaded(self, symbol: str, kind: ObjectKind, window: Window) -> int:
        """Mark every loaded object of a window to be loaded again; return how many."""
        conditions = (*match_objects(symbol, kind, window), lake_objects.c.loaded_at.is_not(None))
        statement = update(lake_objects).where(*conditions).values(loaded_at=None)
        return self._database.run_write(lambda c: c.execute(statement).rowcount)

    def list_lake_totals(self) -> list[LakeTotal]:
        """Count objects and bytes per bucket and kind, from an index of these columns alone."""
        bucket, kind = lake_objects.c.bucket, lake_objects.c.kind
        statement = (
            select(bucket, kind, func.count(), func.sum(lake_objects.c.size_bytes))
            .group_by(bucket, kind)
            .order_by(bucket, kind)
        )
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return [LakeTotal(b, ObjectKind(k), count, int(size)) for b, k, count, size in rows]

    def _read_objects(self, statement: Select[Any]) -> list[LakeObject]:
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return [_parse_object(row._mapping) for row in rows]


def match_objects(symbol: str, kind: ObjectKind, window: Window) -> tuple[ColumnElement[bool], ...]:
    """Match objects with data in the window; none crosses a UTC day, so the index finds them."""
    return (
        lake_objects.c.symbol == symbol,
        lake_objects.c.kind == kind.value,
        lake_objects.c.first_time >= floor_ms(window.start_ms, DAY_MS),
        lake_objects.c.first_time < window.end_ms,
        lake_objects.c.last_time >= window.start_ms,
    )


def mark_objects_loaded(
    connection: Connection, objects: Sequence[LakeObject], loaded_at: int
) -> None:
    """Mark objects as part of a load's transaction; one with a later fetch remains unloaded."""
    for batch in iter_batches(objects, _BATCH_ROWS):
        unloaded = (_match_versions(batch), lake_objects.c.loaded_at.is_(None))
        connection.execute(update(lake_objects).where(*unloaded).values(loaded_at=loaded_at))


def _record_moved_batch(
    connection: Connection, moved: Sequence[ObjectVersion], new_bucket: str
) -> set[str]:
    recorded = select(lake_objects.c.key).where(_match_versions(moved))
    keys = set(connection.execute(recorded.with_for_update()).scalars())
    if not keys:
        return keys
    bucket = moved[0].bucket
    for table in (lake_objects, quarantine):
        source = and_(table.c.bucket == bucket, table.c.key.in_(keys))
        if table is lake_objects:
            target = and_(table.c.bucket == new_bucket, table.c.key.in_(keys))
            connection.execute(delete(table).where(target))
        connection.execute(update(table).where(source).values(bucket=new_bucket))
    return keys


def _match_versions(items: Sequence[ObjectVersion]) -> ColumnElement[bool]:
    """Match these versions. Bucket and key use the primary key, which MariaDB's tuples do not."""
    columns = lake_objects.c
    return or_(
        *(
            and_(
                columns.bucket == bucket,
                columns.key.in_([item.key for item in versions]),
                tuple_(columns.key, columns.sha256, columns.fetched_at).in_(
                    [(item.key, item.sha256, item.fetched_at) for item in versions]
                ),
            )
            for bucket, versions in _group_by_bucket(items).items()
        )
    )


def _group_by_bucket(items: Sequence[ObjectVersion]) -> dict[str, list[ObjectVersion]]:
    groups: dict[str, list[ObjectVersion]] = {}
    for item in items:
        groups.setdefault(item.bucket, []).append(item)
    return groups


def _select_objects() -> Select[Any]:
    return select(*(lake_objects.c[name] for name in _COLUMN_NAMES))


def _select_in_window(symbol: str, kind: ObjectKind, window: Window) -> Select[Any]:
    order = (lake_objects.c.fetched_at, lake_objects.c.first_time, lake_objects.c.key)
    return _select_objects().where(*match_objects(symbol, kind, window)).order_by(*order)


def _keep_later_fetch(new: Any) -> Assignments:
    """Assign an incoming row if its fetch is later; the others compare the last two columns."""
    old = lake_objects.c
    later = new.fetched_at > old.fetched_at
    wins = or_(later, and_(new.fetched_at == old.fetched_at, new.sha256 != old.sha256))
    first = [("loaded_at", case((wins, None), else_=old.loaded_at))]
    names = ("symbol", "kind", "source", "first_time", "last_time", "rows", "size_bytes")
    compared = ("sha256", "fetched_at")
    return first + [(n, case((wins, new[n]), else_=old[n])) for n in (*names, *compared)]


def _parse_object(row: Any) -> LakeObject:
    values = dict(row)
    return LakeObject(
        **{**values, "kind": ObjectKind(values["kind"]), "source": Source(values["source"])}
    )
