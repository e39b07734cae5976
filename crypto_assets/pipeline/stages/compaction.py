"""Replaces the small objects of a past day by its archive object."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake.unchanged_objects import delete_unchanged
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.lake_reader import validate_object


def compact_days(context: PipelineContext, symbol: str, window: Window) -> int:
    """Delete the objects that the day's loaded archive object makes redundant; returns how many.

    An object is kept if it was fetched after the archive object or again since it was loaded,
    outranks the archive object (`Source.rank`), or holds an open time that the archive object lacks
    or has only in an invalid row: the lake alone must give the same minutes. Deletes each object
    before its manifest row, so that a killed run leaves no unrecorded object. If an object is
    already gone, deletes its row if the archive object can contain all of it. Raises LakeError,
    WarehouseError.
    """
    objects = context.warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, window)
    redundant = [
        item
        for _, group in groupby(sorted(objects, key=attrgetter("day")), key=attrgetter("day"))
        for item in _find_redundant_objects(context, list(group))
    ]
    gone = delete_unchanged(context.raw_lake, {item.key: item.fetched_at for item in redundant})
    deleted = [item for item in redundant if item.key in gone]
    context.warehouse.lake_objects.forget_objects(deleted)
    return len(deleted)


def _find_redundant_objects(
    context: PipelineContext, day: Sequence[LakeObject]
) -> list[LakeObject]:
    loaded = [item for item in day if item.bucket == context.raw_lake.bucket and item.loaded_at]
    archived = [item for item in loaded if item.source is Source.ARCHIVE]
    if not archived:
        return []
    whole = max(archived, key=lambda item: (item.rows, item.fetched_at))
    earlier = [
        item
        for item in loaded
        if item.fetched_at < whole.fetched_at and item.source.rank <= whole.source.rank
    ]
    if not earlier:
        return []
    try:
        open_times = _read_open_times(context, whole)
    except ObjectMissing:
        return []  # `verify` reports lost objects; compaction continues with the other days
    if _list_stored_times(context, whole) == open_times:
        return earlier  # all are loaded, and no stored minute comes from a small object alone
    return [item for item in earlier if _is_redundant(context, item, open_times)]


def _list_stored_times(context: PipelineContext, item: LakeObject) -> set[int]:
    """Open times of the stored candles of an object's day."""
    return context.warehouse.facts.list_open_times(item.symbol, Window.of_day(item.day))


def _is_redundant(context: PipelineContext, item: LakeObject, open_times: set[int]) -> bool:
    """Whether `open_times` contains all open times of an object, or can if the object is gone.

    A compaction that was killed had read the objects that it deleted.
    """
    try:
        return _read_open_times(context, item) <= open_times
    except ObjectMissing:
        window = item.window
        return item.rows <= sum(at in window for at in open_times)


def _read_open_times(context: PipelineContext, item: LakeObject) -> set[int]:
    """Open times of an object's valid candles."""
    candles = validate_object(item, context.raw_lake.get(item.key)).candles
    return set(candles["open_time"].to_pylist())
