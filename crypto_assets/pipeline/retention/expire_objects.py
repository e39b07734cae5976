"""Moves old objects to the archive lake and deletes older ones; unloaded objects always stay."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Self

from crypto_assets.batches import iter_batches
from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import Lake
from crypto_assets.lake.unchanged_objects import delete_unchanged
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import LoadedObject, ObjectVersion

_WORKERS = 16
_BATCH_OBJECTS = 500


@dataclass(frozen=True)
class ObjectTally:
    """A number of objects and their total size."""

    objects: int = 0
    size_bytes: int = 0

    @classmethod
    def from_objects(cls, items: Iterable[LoadedObject]) -> Self:
        sizes = [item.size_bytes for item in items]
        return cls(len(sizes), sum(sizes))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.objects + other.objects, self.size_bytes + other.size_bytes)


@dataclass(frozen=True)
class ExpiredObjects:
    """What was moved and deleted; the next run retries the objects of `not_moved`."""

    moved: ObjectTally = ObjectTally()
    deleted: ObjectTally = ObjectTally()
    not_moved: ObjectTally = ObjectTally()


def expire_objects(
    context: PipelineContext,
    raw_before: int,
    archive_before: int,
    max_bytes: int | None,
    *,
    dry_run: bool,
) -> ExpiredObjects:
    """Move raw objects older than `raw_before` (epoch ms) to the archive lake, then delete.

    Deletes the objects older than `archive_before`, then archived ones, oldest first, until both
    lakes together have at most `max_bytes`. With `dry_run` only counts. Safe to kill and repeat.
    Raises LakeError, WarehouseError.
    """
    moved, not_moved = _move_objects(context, raw_before, dry_run)
    both_before = min(raw_before, archive_before)
    old = list(
        chain(
            context.warehouse.retention_candidates.iter_objects(
                context.archive_lake.bucket, archive_before
            ),
            context.warehouse.retention_candidates.iter_objects(
                context.raw_lake.bucket, both_before
            ),
        )
    )
    excess = _find_excess_objects(context, raw_before, max_bytes, old, dry_run)
    deleted = _delete_objects(context, [*old, *excess], dry_run)
    return ExpiredObjects(moved, deleted, not_moved)


def _move_objects(
    context: PipelineContext, before_ms: int, dry_run: bool
) -> tuple[ObjectTally, ObjectTally]:
    moved, not_moved = ObjectTally(), ObjectTally()
    items = context.warehouse.retention_candidates.iter_objects(context.raw_lake.bucket, before_ms)
    with ThreadPoolExecutor(_WORKERS, "move") as pool:
        for batch in iter_batches(items, _BATCH_OBJECTS):
            if dry_run:
                done = {item.key for item in batch}
            else:
                done = move_to_archive(context, batch, pool)
            moved += ObjectTally.from_objects(item for item in batch if item.key in done)
            not_moved += ObjectTally.from_objects(item for item in batch if item.key not in done)
    return moved, not_moved


def move_to_archive(
    context: PipelineContext, items: Sequence[ObjectVersion], pool: Executor
) -> set[str]:
    """Copy raw objects to the archive lake, verify the copies, delete them, update the manifest.

    Returns the keys of the moved objects. The next run retries the others: where the raw lake has
    another version than the one that was loaded, the archive has a fuller one, or the object was
    fetched again meanwhile. After a kill the next call continues. No store deletes conditionally:
    an object that is put between the last check and the deletion, one request later, is deleted
    too, and stays unloaded in the manifest unless its writer loads it.
    """
    copies = list(pool.map(partial(_copy_to_archive, context), items))
    present = {copy.key: copy.fetched_at for copy in copies if copy and copy.fetched_at is not None}
    gone = {copy.key for copy in copies if copy and copy.fetched_at is None}
    gone |= delete_unchanged(context.raw_lake, present)
    moved = [item for item in items if item.key in gone]
    return context.warehouse.lake_objects.record_moves(moved, context.archive_lake.bucket)


@dataclass(frozen=True)
class _ArchivedCopy:
    """An object that the archive lake has now.

    `fetched_at` (epoch ms) is that of the raw object, None if that is gone.
    """

    key: str
    fetched_at: int | None


def _copy_to_archive(context: PipelineContext, item: ObjectVersion) -> _ArchivedCopy | None:
    """Copy an object; returns None where it must stay."""
    raw, archive = context.raw_lake, context.archive_lake
    try:
        info, body = raw.get_with_info(item.key)
    except ObjectMissing:
        is_there = _is_loaded_version(archive, item, absent=False)
        return _ArchivedCopy(item.key, None) if is_there else None
    if sha256(body).hexdigest() != item.sha256 or not archive.put_copy(info, body):
        return None
    return _ArchivedCopy(item.key, info.fetched_at)


def _find_excess_objects(
    context: PipelineContext,
    raw_before: int,
    max_bytes: int | None,
    expired: Iterable[LoadedObject],
    dry_run: bool,
) -> list[LoadedObject]:
    """Return the oldest archived objects that exceed `max_bytes` once `expired` are deleted."""
    if max_bytes is None:
        return []
    gone = {(item.bucket, item.key): item.size_bytes for item in expired}
    totals = context.warehouse.lake_objects.list_lake_totals()
    remaining = sum(total.size_bytes for total in totals) - sum(gone.values())
    lakes = [(context.archive_lake.bucket, raw_before)]
    if dry_run:
        lakes.append((context.raw_lake.bucket, raw_before))
    excess = []
    for item in _list_oldest_first(context, lakes):
        if remaining <= max_bytes:
            break
        if (item.bucket, item.key) not in gone:
            remaining -= item.size_bytes
            excess.append(item)
    return excess


def _list_oldest_first(
    context: PipelineContext, lakes: Iterable[tuple[str, int]]
) -> list[LoadedObject]:
    objects = (context.warehouse.retention_candidates.iter_objects(*lake) for lake in lakes)
    return sorted(chain(*objects), key=lambda item: (item.fetched_at, item.key))


def _delete_objects(
    context: PipelineContext, items: list[LoadedObject], dry_run: bool
) -> ObjectTally:
    deleted = ObjectTally()
    for lake in (context.archive_lake, context.raw_lake):
        stored = [item for item in items if item.bucket == lake.bucket]
        # A raw object is checked right before its deletion, since it may be fetched again.
        size = _BATCH_OBJECTS if lake is context.archive_lake else _WORKERS
        with ThreadPoolExecutor(_WORKERS, "delete") as pool:
            for batch in iter_batches(stored, size):
                gone = _delete_batch(context, lake, batch, pool, dry_run=dry_run)
                deleted += ObjectTally.from_objects(gone)
                if not dry_run:
                    # After the objects: a kill in between leaves rows, which the next run deletes.
                    context.warehouse.lake_objects.forget_objects(gone)
    return deleted


def _delete_batch(
    context: PipelineContext,
    lake: Lake,
    batch: Sequence[LoadedObject],
    pool: Executor,
    *,
    dry_run: bool,
) -> list[LoadedObject]:
    """Delete a batch and return it; skip raw objects that are no longer the loaded version."""
    safe = list(batch)
    if lake is context.raw_lake:
        loaded = pool.map(partial(_is_loaded_version, lake, absent=True), batch)
        safe = [item for item, is_loaded in zip(batch, loaded, strict=True) if is_loaded]
    if not dry_run:
        lake.delete([item.key for item in safe])
    return safe


def _is_loaded_version(lake: Lake, item: ObjectVersion, *, absent: bool) -> bool:
    """Return whether the lake's object is the one that was loaded; `absent` if there is none."""
    try:
        return sha256(lake.get(item.key)).hexdigest() == item.sha256
    except ObjectMissing:
        return absent
