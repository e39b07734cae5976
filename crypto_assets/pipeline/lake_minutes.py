"""What the lake says of a symbol's minutes: the objects of the manifest, read again."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import Lake, decode_klines
from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.clock import Window, day_of
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.sanity import Reject, Sifted, sift
from crypto_assets.pipeline.platform import Platform
from crypto_assets.warehouse.loading import fetched
from crypto_assets.warehouse.versions import FETCHED_SCHEMA, settle


@dataclass(frozen=True)
class LakeMinutes:
    """Of each minute the candle that counts, as CANDLE_SCHEMA, ascending.

    `spans` are the stretches of which an object knows: what is not in `candles` there was not
    published. `lost` are keys that the manifest names and no lake holds.
    """

    candles: pa.Table
    spans: tuple[Window, ...]
    lost: tuple[str, ...]


def lake_of(platform: Platform, bucket: str) -> Lake:
    """The lake that is meant by a bucket's name in the manifest."""
    return platform.archive if bucket == platform.archive.bucket else platform.raw


def read_minutes(platform: Platform, symbol: str, window: Window) -> LakeMinutes:
    """What the loaded objects of whole days hold, by the rules of a load. Raises LakeError."""
    objects = platform.warehouse.objects.of_window(symbol, ObjectKind.KLINES, window)
    tables, spans, lost = [FETCHED_SCHEMA.empty_table()], [], []
    for item in objects:
        if item.loaded_at is None:
            continue
        try:
            body = lake_of(platform, item.bucket).get(item.key)
        except ObjectMissing:
            lost.append(item.key)
            continue
        tables.append(fetched(item, sift_object(item, body).candles))
        spans.append(Window(item.first_time, item.last_time + 1))
    settled = settle(pa.concat_tables(tables), FETCHED_SCHEMA.empty_table()).new
    candles = settled.select(CANDLE_SCHEMA.names).sort_by("open_time")
    return LakeMinutes(candles, _merged(spans), tuple(lost))


def sift_object(item: LakeObject, body: bytes) -> Sifted:
    """A klines object's rows, parted into what may enter the warehouse and what may not."""
    try:
        rows = decode_klines(body)
    except ValueError as error:
        return Sifted(CANDLE_SCHEMA.empty_table(), (Reject(0, [], f"not klines: {error}"),))
    return sift(rows, Window.of_day(day_of(item.first_time)))


def _merged(spans: Sequence[Window]) -> tuple[Window, ...]:
    """Overlapping and touching stretches as one, ascending."""
    merged: list[Window] = []
    for span in sorted(spans):
        if merged and span.start_ms <= merged[-1].end_ms:
            last = merged.pop()
            span = Window(last.start_ms, max(last.end_ms, span.end_ms))
        merged.append(span)
    return tuple(merged)
