"""A past day is one archive object: what was fetched of it before goes."""

from collections.abc import Sequence
from itertools import groupby

from crypto_assets.errors import ObjectMissing
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, Window, day_of, floor_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.lake_reader import sift_object


def compact_days(platform: PipelineContext, symbol: str, window: Window) -> int:
    """Delete the pieces of each day whose loaded archive object makes them redundant.

    A piece stays that was not fetched before the archive object, counts over it (`Source.rank`),
    or holds an open time that it lacks, or has only in a row that cannot be true: the lake alone
    must give the same minutes. The object goes before its manifest row, so that a kill between the
    two leaves nothing unseen; of a piece that is gone the row goes, if the archive object can have
    given all of it.
    Answers how many went. Raises LakeError, WarehouseError.
    """
    objects = platform.warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, window)
    ordered = sorted(objects, key=lambda item: item.first_time)
    redundant = [
        piece
        for _, group in groupby(ordered, key=lambda item: floor_ms(item.first_time, DAY_MS))
        for piece in _find_redundant_pieces(platform, list(group))
    ]
    if redundant:
        platform.raw_lake.delete([piece.key for piece in redundant])
        platform.warehouse.lake_objects.forget_objects(redundant)
    return len(redundant)


def _find_redundant_pieces(
    platform: PipelineContext, day: Sequence[LakeObject]
) -> list[LakeObject]:
    own = [item for item in day if item.bucket == platform.raw_lake.bucket and item.loaded_at]
    archived = [item for item in own if item.source is Source.ARCHIVE]
    if not archived:
        return []
    whole = max(archived, key=lambda item: (item.rows, item.fetched_at))
    pieces = [
        item
        for item in own
        if item.fetched_at < whole.fetched_at and item.source.rank <= whole.source.rank
    ]
    if not pieces:
        return []
    try:
        given = _read_open_times(platform, whole)
    except ObjectMissing:
        return []  # `verify` names what the lake has lost; here it must stop no other day
    if _list_stored_times(platform, whole) == given:
        return pieces  # each was loaded, and there is nothing that only a piece can have brought
    return [piece for piece in pieces if _is_redundant_piece(platform, piece, given)]


def _list_stored_times(platform: PipelineContext, item: LakeObject) -> set[int]:
    """Open times that the warehouse holds of an object's day."""
    day = Window.of_day(day_of(item.first_time))
    return platform.warehouse.facts.list_open_times(item.symbol, day)


def _is_redundant_piece(platform: PipelineContext, piece: LakeObject, given: set[int]) -> bool:
    """Whether what a piece gives the warehouse is `given`; of one that is gone, whether it can be.

    A sweep that was killed had read those that it deleted.
    """
    try:
        return _read_open_times(platform, piece) <= given
    except ObjectMissing:
        return piece.rows <= sum(piece.first_time <= at <= piece.last_time for at in given)


def _read_open_times(platform: PipelineContext, item: LakeObject) -> set[int]:
    """Of the candles that an object gives the warehouse."""
    candles = sift_object(item, platform.raw_lake.get(item.key)).candles
    return set(candles["open_time"].to_pylist())
