"""The manifest: every object of the lake, what it holds, and whether it has been loaded."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import Assignments, make_upsert
from crypto_assets.warehouse.engine.schema import lake_objects, quarantine, symbols

_COLUMN_NAMES = tuple(field.name for field in fields(LakeObject))
_CHUNK_ROWS = 200


@dataclass(frozen=True)
class LakeTotal:
    """What a bucket holds of one kind."""

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
        """Notes objects, in any order and as often as wanted; of one key the later fetch stays.

        A later fetch, or another content, is to be loaded again.
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
        """What stands in the lake and not yet in the facts, oldest fetch first."""
        return self._read_objects(
            _select_in_window(symbol, kind, window).where(lake_objects.c.loaded_at.is_(None))
        )

    def list_in_window(self, symbol: str, kind: ObjectKind, window: Window) -> list[LakeObject]:
        """Objects with data inside the window, oldest fetch first."""
        return self._read_objects(_select_in_window(symbol, kind, window))

    def list_orphaned(
        self, kind: ObjectKind, fetched_before: int, limit: int = 1000
    ) -> list[LakeObject]:
        """Unloaded objects of registered symbols, fetched before an instant (epoch ms)."""
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
        """The ingestion log: newest fetch first, of those fetched before an instant (epoch ms).

        In the order of the index on `fetched_at`, to which the key belongs. `after` goes on where
        a page ended, with that object, even where others were fetched in the same millisecond.
        """
        statement = _select_objects()
        order = (lake_objects.c.fetched_at, lake_objects.c.bucket, lake_objects.c.key)
        if before is not None:
            statement = statement.where(lake_objects.c.fetched_at < before)
        if after is not None:
            at, *rest = order
            ended = (after.bucket, after.key)
            later = or_(at < after.fetched_at, tuple_(*rest) < ended)
            statement = statement.where(at <= after.fetched_at, later)
        newest = statement.order_by(*(column.desc() for column in order))
        return self._read_objects(newest.limit(limit).offset(offset))

    def count_objects(self, symbol: str, kind: ObjectKind, window: Window) -> int:
        """How many objects `of_window` has."""
        statement = select(func.count()).where(*_match_window(symbol, kind, window))
        return self._database.run_primary_read(lambda c: c.execute(statement).scalar_one())

    def summarize_rows(
        self, symbol: str, kind: ObjectKind, window: Window
    ) -> tuple[int, tuple[int, int] | None]:
        """Rows of the objects in whole days, and the first and the last time (epoch ms) in them."""
        first, last = lake_objects.c.first_time, lake_objects.c.last_time
        counted = func.coalesce(func.sum(lake_objects.c.rows), 0)
        statement = select(counted, func.min(first), func.max(last)).where(
            *_match_window(symbol, kind, window)
        )
        rows, start, end = self._database.run_read(lambda c: c.execute(statement).one())
        return int(rows), None if start is None else (start, end)

    def count_loaded_by_day(
        self, symbol: str, kind: ObjectKind, window: Window
    ) -> dict[int, tuple[int, int]]:
        """Objects that stand in the lake and are loaded, and their rows, by UTC day (epoch ms)."""
        first = lake_objects.c.first_time
        day = first - first % DAY_MS
        loaded = lake_objects.c.loaded_at.is_not(None)
        statement = (
            select(day, func.count(), func.sum(lake_objects.c.rows))
            .where(*_match_window(symbol, kind, window), loaded)
            .group_by(day)
        )
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return {start: (count, int(held)) for start, count, held in rows}

    def count_quarantined_by_day(
        self, symbol: str, kind: ObjectKind, window: Window
    ) -> dict[int, int]:
        """Rows of the objects of `loaded_by_day` that were set aside, by the same days."""
        first = lake_objects.c.first_time
        day = (first - first % DAY_MS).label("day")
        loaded = lake_objects.c.loaded_at.is_not(None)
        its = and_(
            quarantine.c.bucket == lake_objects.c.bucket, quarantine.c.key == lake_objects.c.key
        )
        statement = (
            select(day, func.count())
            .select_from(lake_objects.join(quarantine, its))
            .where(*_match_window(symbol, kind, window), loaded, lake_objects.c.rows > 0)
            .group_by(day)
        )
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return {start: count for start, count in rows}

    def find_object(self, bucket: str, key: str) -> LakeObject | None:
        statement = _select_objects().where(
            lake_objects.c.bucket == bucket, lake_objects.c.key == key
        )
        return next(iter(self._read_objects(statement)), None)

    def forget_objects(self, gone: Sequence[ObjectVersion]) -> None:
        """Removes rows whose objects have left the lake; what was fetched anew since stays."""

        def work(connection: Connection) -> None:
            for start in range(0, len(gone), _CHUNK_ROWS):
                versions = [_match_version(item) for item in gone[start : start + _CHUNK_ROWS]]
                connection.execute(delete(lake_objects).where(or_(*versions)))

        if gone:
            self._database.run_write(work)

    def record_move(self, moved: ObjectVersion, new_bucket: str) -> bool:
        """Follows an object into another bucket; a row already there is replaced.

        What was set aside of it lies there too from then on. False, and nothing done, where there
        is no row, or one of another fetch: the object that has been moved is not its own.
        """
        bucket, key = moved.bucket, moved.key
        source = _match_version(moved)
        target = and_(lake_objects.c.bucket == new_bucket, lake_objects.c.key == key)
        flaws = and_(quarantine.c.bucket == bucket, quarantine.c.key == key)

        def work(connection: Connection) -> bool:
            held = select(lake_objects.c.key).where(source).with_for_update()
            if connection.execute(held).first() is None:
                return False
            connection.execute(delete(lake_objects).where(target))
            connection.execute(update(lake_objects).where(source).values(bucket=new_bucket))
            connection.execute(update(quarantine).where(flaws).values(bucket=new_bucket))
            return True

        return self._database.run_write(work)

    def mark_loaded(self, objects: Sequence[LakeObject]) -> None:
        """Settles objects of which nothing can be loaded, so that nobody tries again."""
        self._database.run_write(lambda c: mark_objects_loaded(c, objects, now_ms()))

    def mark_unloaded(self, symbol: str, kind: ObjectKind, window: Window) -> int:
        """Has every object of a window loaded again; returns how many."""
        conditions = (*_match_window(symbol, kind, window), lake_objects.c.loaded_at.is_not(None))
        statement = update(lake_objects).where(*conditions).values(loaded_at=None)
        return self._database.run_write(lambda c: c.execute(statement).rowcount)

    def list_lake_totals(self) -> list[LakeTotal]:
        """Objects and bytes per bucket and kind, from an index that holds nothing else."""
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


def mark_objects_loaded(
    connection: Connection, objects: Sequence[LakeObject], loaded_at: int
) -> None:
    """Part of a load's transaction; an object that was fetched anew meanwhile stays unloaded."""
    names = ("bucket", "key", "sha256", "fetched_at")
    statement = (
        update(lake_objects)
        .where(*(lake_objects.c[name] == bindparam(f"its_{name}") for name in names))
        .where(lake_objects.c.loaded_at.is_(None))
        .values(loaded_at=loaded_at)
    )
    if objects:
        held = [{f"its_{name}": getattr(item, name) for name in names} for item in objects]
        connection.execute(statement, held)


def _match_version(item: ObjectVersion) -> ColumnElement[bool]:
    return and_(
        lake_objects.c.bucket == item.bucket,
        lake_objects.c.key == item.key,
        lake_objects.c.sha256 == item.sha256,
        lake_objects.c.fetched_at == item.fetched_at,
    )


def _select_objects() -> Select[Any]:
    return select(*(lake_objects.c[name] for name in _COLUMN_NAMES))


def _select_in_window(symbol: str, kind: ObjectKind, window: Window) -> Select[Any]:
    order = (lake_objects.c.fetched_at, lake_objects.c.first_time, lake_objects.c.key)
    return _select_objects().where(*_match_window(symbol, kind, window)).order_by(*order)


def _match_window(symbol: str, kind: ObjectKind, window: Window) -> tuple[Any, ...]:
    """No object crosses a UTC day, so those that reach into the window start on its first day."""
    return (
        lake_objects.c.symbol == symbol,
        lake_objects.c.kind == kind.value,
        lake_objects.c.first_time >= floor_ms(window.start_ms, DAY_MS),
        lake_objects.c.first_time < window.end_ms,
        lake_objects.c.last_time >= window.start_ms,
    )


def _keep_later_fetch(new: Any) -> Assignments:
    """What an incoming row changes; `fetched_at` and `sha256` last, the others compare them."""
    old = lake_objects.c
    later = new.fetched_at > old.fetched_at
    wins = or_(later, and_(new.fetched_at == old.fetched_at, new.sha256 != old.sha256))
    first = [("loaded_at", case((wins, None), else_=old.loaded_at))]
    taken = ("symbol", "kind", "source", "first_time", "last_time", "rows", "size_bytes")
    last = ("sha256", "fetched_at")
    return first + [(n, case((wins, new[n]), else_=old[n])) for n in (*taken, *last)]


def _parse_object(row: Any) -> LakeObject:
    values = dict(row)
    return LakeObject(
        **{**values, "kind": ObjectKind(values["kind"]), "source": Source(values["source"])}
    )
