"""Objects grow old: from the raw lake into the archive, and out of it; never one not loaded."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, islice

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import Lake
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.warehouse import LoadedObject, ObjectVersion

_MOVERS = 8
_BATCH = 500


@dataclass(frozen=True)
class ObjectTally:
    """How many objects, and their bytes."""

    objects: int = 0
    size_bytes: int = 0

    @classmethod
    def from_objects(cls, items: Iterable[LoadedObject]) -> "ObjectTally":
        sizes = [item.size_bytes for item in items]
        return cls(len(sizes), sum(sizes))

    def __add__(self, other: "ObjectTally") -> "ObjectTally":
        return ObjectTally(self.objects + other.objects, self.size_bytes + other.size_bytes)


@dataclass(frozen=True)
class ExpiredObjects:
    """`left` are objects that should have moved and did not; the next run tries them again."""

    moved: ObjectTally = ObjectTally()
    deleted: ObjectTally = ObjectTally()
    not_moved: ObjectTally = ObjectTally()


def expire_objects(
    platform: PipelineContext,
    raw_before: int,
    archive_before: int,
    max_bytes: int | None,
    *,
    dry_run: bool,
) -> ExpiredObjects:
    """Raw objects older than `raw_before` (epoch ms) into the archive lake, then deletion.

    Deleted are those older than `archive_before`, then the archived ones, oldest first, until both
    lakes together hold `max_bytes` at most. Raises LakeError, WarehouseError; may be killed
    anywhere and repeated. With `dry_run` only counts.
    """
    moved, left = _move_objects(platform, raw_before, dry_run)
    both_before = min(raw_before, archive_before)
    old = list(
        chain(
            platform.warehouse.retention_candidates.iter_objects(
                platform.archive_lake.bucket, archive_before
            ),
            platform.warehouse.retention_candidates.iter_objects(
                platform.raw_lake.bucket, both_before
            ),
        )
    )
    excess = _find_excess_objects(platform, raw_before, max_bytes, old, dry_run)
    deleted = _delete_objects(platform, [*old, *excess], dry_run)
    return ExpiredObjects(moved, deleted, left)


def _move_objects(
    platform: PipelineContext, before_ms: int, dry_run: bool
) -> tuple[ObjectTally, ObjectTally]:
    moved, left = ObjectTally(), ObjectTally()
    items = platform.warehouse.retention_candidates.iter_objects(
        platform.raw_lake.bucket, before_ms
    )
    with ThreadPoolExecutor(_MOVERS, "move") as pool:
        for batch in _split_batches(items):
            done = (
                [True] * len(batch)
                if dry_run
                else pool.map(lambda i: move_to_archive(platform, i), batch)
            )
            pairs = list(zip(batch, done, strict=True))
            moved += ObjectTally.from_objects(item for item, gone in pairs if gone)
            left += ObjectTally.from_objects(item for item, gone in pairs if not gone)
    return moved, left


def move_to_archive(platform: PipelineContext, item: ObjectVersion) -> bool:
    """One object raw → archive: copied, proved, deleted, and last the manifest follows.

    False where another object stands there than the one that was loaded, or the archive holds a
    fuller one, or the object was fetched anew meanwhile: the next run sees to it. After a kill the
    next call goes on where this one ended. No store deletes on a condition: what is put between
    the last look and the deletion, one request apart, goes with it, and stays unloaded in the
    manifest unless its writer loads it.
    """
    raw, archive = platform.raw_lake, platform.archive_lake
    try:
        info, body = raw.get_with_info(item.key)
    except ObjectMissing:
        if not _is_loaded_version(archive, item, absent=False):
            return False
    else:
        if sha256(body).hexdigest() != item.sha256 or not raw.copy_to(archive, item.key):
            return False
        after = raw.get_info(item.key)
        if after is None or after.fetched_at != info.fetched_at:  # fetched anew meanwhile
            return False
        raw.delete([item.key])
    return platform.warehouse.lake_objects.record_move(item, archive.bucket)


def _find_excess_objects(
    platform: PipelineContext,
    raw_before: int,
    max_bytes: int | None,
    going: Iterable[LoadedObject],
    dry_run: bool,
) -> list[LoadedObject]:
    """The oldest archived objects that are too many for `max_bytes`, `going` being gone."""
    if max_bytes is None:
        return []
    gone = {(item.bucket, item.key): item.size_bytes for item in going}
    held = sum(total.size_bytes for total in platform.warehouse.lake_objects.list_lake_totals())
    held -= sum(gone.values())
    lakes = [(platform.archive_lake.bucket, raw_before)]
    if dry_run:
        lakes.append((platform.raw_lake.bucket, raw_before))
    found = []
    for item in _list_oldest_first(platform, lakes):
        if held <= max_bytes:
            break
        if (item.bucket, item.key) not in gone:
            held -= item.size_bytes
            found.append(item)
    return found


def _list_oldest_first(
    platform: PipelineContext, lakes: Iterable[tuple[str, int]]
) -> list[LoadedObject]:
    objects = (platform.warehouse.retention_candidates.iter_objects(*lake) for lake in lakes)
    return sorted(chain(*objects), key=lambda item: (item.fetched_at, item.key))


def _delete_objects(
    platform: PipelineContext, items: list[LoadedObject], dry_run: bool
) -> ObjectTally:
    deleted = ObjectTally()
    for lake in (platform.archive_lake, platform.raw_lake):
        for batch in _split_batches(item for item in items if item.bucket == lake.bucket):
            # In the raw lake each is looked at and deleted at once: it may be fetched anew.
            groups = [batch] if lake is platform.archive_lake else [[item] for item in batch]
            gone = [
                item for group in groups for item in _delete_group(platform, lake, group, dry_run)
            ]
            deleted += ObjectTally.from_objects(gone)
            if not dry_run:
                # The object before its row: a kill between the two leaves nothing unseen.
                platform.warehouse.lake_objects.forget_objects(gone)
    return deleted


def _delete_group(
    platform: PipelineContext, lake: Lake, group: list[LoadedObject], dry_run: bool
) -> list[LoadedObject]:
    """Those of a group that went, or would; in the archive lake nobody puts anything."""
    archived = lake is platform.archive_lake
    safe = [item for item in group if archived or _is_loaded_version(lake, item, absent=True)]
    if not dry_run:
        lake.delete([item.key for item in safe])
    return safe


def _is_loaded_version(lake: Lake, item: ObjectVersion, *, absent: bool) -> bool:
    """Whether what stands there is what was loaded; `absent` where nothing does."""
    try:
        return sha256(lake.get(item.key)).hexdigest() == item.sha256
    except ObjectMissing:
        return absent


def _split_batches(items: Iterable[LoadedObject]) -> Iterator[list[LoadedObject]]:
    left = iter(items)
    while batch := list(islice(left, _BATCH)):
        yield batch
