"""Bodies of the lake's objects: rows and order books to bytes and back, and what the manifest says.

A klines object is the exchange's own array of 12-field rows, its decimal strings untouched; a
depth object is the exchange's answer, byte for byte.
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
    """The rows of a klines object, not judged one by one.

    Raises ValueError where the body is no JSON or no array of arrays.
    """
    rows: Any = orjson.loads(body)
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError("not an array of kline rows")
    return rows


def decode_depth(body: bytes) -> dict[str, Any]:
    """A depth object as the exchange's answer. Raises ValueError where it is no JSON object."""
    answer: Any = orjson.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("not a depth answer")
    return answer


def count_rows(body: bytes) -> int:
    """Candles of a klines object, levels of both sides of a depth object, 0 of anything else."""
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
    """Rows of one symbol and UTC day as an object to put and its manifest entry.

    `fetched_at` in epoch ms. Raises LakeError where there is no row or they cross a day.
    """
    if not klines:
        raise LakeError(f"an object of {symbol} needs at least one candle")
    first, last = (int(klines.open_times[place]) for place in (0, -1))
    key = build_klines_key(symbol, first, last, source)
    return _build_lake_object(bucket, key, klines.body, len(klines), fetched_at), klines.body


def build_depth_object(
    bucket: str, symbol: str, answer: bytes, captured_at: int
) -> tuple[LakeObject, bytes]:
    """An order book's answer as an object to put and its manifest entry; epoch ms."""
    key = build_depth_key(symbol, captured_at)
    return _build_lake_object(bucket, key, answer, count_rows(answer), captured_at), answer


def describe_object(bucket: str, key: str, body: bytes, fetched_at: int) -> LakeObject:
    """The manifest entry of an object that stands in the lake; `fetched_at` in epoch ms.

    Raises LakeError where the key is not of this lake's layout.
    """
    return _build_lake_object(bucket, key, body, count_rows(body), fetched_at)


def _build_lake_object(
    bucket: str, key: str, body: bytes, rows: int, fetched_at: int
) -> LakeObject:
    parts = parse_key(key)
    if parts is None:
        raise LakeError(f"{key!r} is not named as an object of this lake")
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
