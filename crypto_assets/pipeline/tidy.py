"""A past day is one archive object: the ticks' small pieces go when it holds all of theirs."""

from collections.abc import Iterable
from itertools import groupby

from crypto_assets.lake import decode_klines
from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.pipeline.platform import Platform


def sweep_pieces(platform: Platform, symbol: str, window: Window) -> int:
    """Delete the pieces of each day whose loaded archive object makes them redundant.

    A piece stays that was fetched after the archive object, or holds an open time that it lacks.
    The object goes before its manifest row, so that a kill between the two leaves nothing unseen.
    Answers how many went. Raises LakeError, WarehouseError.
    """
    objects = platform.warehouse.objects.of_window(symbol, ObjectKind.KLINES, window)
    ordered = sorted(objects, key=lambda item: item.first_time)
    redundant = [
        piece
        for _, group in groupby(ordered, key=lambda item: floor_ms(item.first_time, DAY_MS))
        for piece in _redundant(platform, list(group))
    ]
    keys = [piece.key for piece in redundant]
    if keys:
        platform.raw.delete(keys)
        platform.warehouse.objects.forget(platform.raw.bucket, keys)
    return len(keys)


def _redundant(platform: Platform, day: list[LakeObject]) -> list[LakeObject]:
    whole = next(
        (item for item in day if item.source is Source.ARCHIVE and item.loaded_at is not None), None
    )
    if whole is None or whole.bucket != platform.raw.bucket:
        return []
    pieces = [
        item
        for item in day
        if item.source is not Source.ARCHIVE
        and item.bucket == whole.bucket
        and item.loaded_at is not None
        and item.fetched_at <= whole.fetched_at
    ]
    if not pieces or _is_full(whole):
        return pieces
    held = _open_times(platform, [whole])
    return [piece for piece in pieces if _open_times(platform, [piece]) <= held]


def _is_full(whole: LakeObject) -> bool:
    """A row for each minute from the day's first to its last: no need to read it."""
    start = floor_ms(whole.first_time, DAY_MS)
    ends = (start, start + DAY_MS - MINUTE_MS)
    return whole.rows == DAY_MS // MINUTE_MS and (whole.first_time, whole.last_time) == ends


def _open_times(platform: Platform, items: Iterable[LakeObject]) -> set[int | str]:
    return {row[0] for item in items for row in decode_klines(platform.raw.get(item.key))}
