"""The bodies of the lake's objects, encoded and decoded, with their manifest rows.

A klines object is the exchange's array of 12-field rows with unchanged decimal strings. A depth
object is the exchange's response, byte for byte.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson

from crypto_assets.errors import LakeError
from crypto_assets.lake.object_keys import build_depth_key, build_klines_key, parse_key
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines


def encode_klines(rows: Sequence[KlineRow]) -> bytes:
    return orjson.dumps(rows)


def decode_klines(body: bytes) -> list[KlineRow]:
    """Return the rows of a klines object. Single rows are not validated.

    Raises ValueError where the body is not a JSON array of arrays.
    """
    rows: Any = orjson.loads(body)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError("not an array of kline rows")
    return rows


def decode_depth(body: bytes) -> dict[str, Any]:
    """Return the exchange's depth response. Raises ValueError for anything but a JSON object."""
    book: Any = orjson.loads(body)
    if not isinstance(book, dict):
        raise ValueError("not a depth response")
    return book


def count_rows(body: bytes) -> int:
    """Count the candles of klines, or the levels of both sides of a depth; else return 0."""
    try:
        content: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 0
    if isinstance(content, dict):
        sides = content.get("bids"), content.get("asks")
        return sum(len(side) for side in sides if isinstance(side, list))
    return len(content) if isinstance(content, list) else 0


def build_klines_object(
    bucket: str, symbol: str, klines: RawKlines, source: Source, fetched_at: int
) -> tuple[LakeObject, bytes]:
    """Return the manifest row and the body of an object with a symbol's rows of one UTC day.

    `fetched_at` in epoch ms. Raises LakeError for no rows, or for rows of several days.
    """
    if not klines:
        raise LakeError(f"an object of {symbol} needs at least one candle")
    first, last = (int(klines.open_times[place]) for place in (0, -1))
    key = build_klines_key(symbol, first, last, source)
    return _build_lake_object(bucket, key, klines.body, len(klines), fetched_at), klines.body


def build_depth_object(
    bucket: str, symbol: str, body: bytes, captured_at: int
) -> tuple[LakeObject, bytes]:
    """Return the manifest row and the body of an order book captured at a time in epoch ms."""
    key = build_depth_key(symbol, captured_at)
    return _build_lake_object(bucket, key, body, count_rows(body), captured_at), body


def describe_object(bucket: str, key: str, body: bytes, fetched_at: int) -> LakeObject:
    """Return the manifest row of an object in the lake; `fetched_at` in epoch ms.

    Raises LakeError for a key of another layout.
    """
    return _build_lake_object(bucket, key, body, count_rows(body), fetched_at)


def _build_lake_object(
    bucket: str, key: str, body: bytes, rows: int, fetched_at: int
) -> LakeObject:
    parts = parse_key(key)
    if parts is None:
        raise LakeError(f"{key!r} is not a key of this lake's layout")
    return LakeObject(
        bucket=bucket,
        key=key,
        symbol=parts.symbol,
        kind=ObjectKind(parts.kind),
        source=parts.source,
        first_time=parts.first_time,
        last_time=parts.last_time,
        rows=rows,
        size_bytes=len(body),
        sha256=sha256(body).hexdigest(),
        fetched_at=fetched_at,
    )
