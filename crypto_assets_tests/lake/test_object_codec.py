"""Objects: bytes with the exchange's digits, and their manifest rows."""

from hashlib import sha256

import orjson
import pytest

from crypto_assets.errors import LakeError
from crypto_assets.lake import (
    build_depth_object,
    build_klines_object,
    count_rows,
    decode_depth,
    decode_klines,
    describe_object,
    encode_klines,
)
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.raw_klines import RawKlines

START = 1735689600000


def row(minute: int) -> KlineRow:
    opened = START + minute * 60_000
    row: KlineRow = [opened, "0.00001000", "0.00001010", "0.00000990", "0.00001000"]
    return [*row, "10.00000000", opened + 59_999, "0.00010000", 7, "5.00000000", "0.00005", "0"]


def test_rows_are_decoded_unchanged() -> None:
    rows = [row(0), row(1)]
    assert decode_klines(encode_klines(rows)) == rows
    assert b'"0.00001000"' in encode_klines(rows)


def test_a_klines_object_has_a_manifest_row() -> None:
    rows = [row(0), row(1), row(3)]
    entry, body = build_klines_object(
        "crypto-raw", "SHIBUSDT", RawKlines.from_rows(rows), Source.ARCHIVE, 1735800000000
    )
    assert orjson.loads(body) == rows
    assert entry == LakeObject(
        bucket="crypto-raw",
        key=f"2025-01-01/SHIBUSDT_klines_{START}-{START + 180_000}_archive.json",
        symbol="SHIBUSDT",
        kind=ObjectKind.KLINES,
        source=Source.ARCHIVE,
        first_time=START,
        last_time=START + 180_000,
        rows=3,
        size_bytes=len(body),
        sha256=sha256(body).hexdigest(),
        fetched_at=1735800000000,
    )
    assert describe_object("crypto-raw", entry.key, body, 1735800000000) == entry


def test_a_depth_object_is_the_response_byte_for_byte() -> None:
    response = b'{"lastUpdateId":1,  "bids":[["1.0","2.0"]],"asks":[["1.1","2.0"],["1.2","3"]]}'
    entry, body = build_depth_object("crypto-raw", "BTCUSDT", response, START + 5)
    assert body == response
    assert (entry.kind, entry.rows, entry.first_time) == (ObjectKind.DEPTH, 3, START + 5)
    assert entry.first_time == entry.last_time == entry.fetched_at
    assert decode_depth(body)["lastUpdateId"] == 1
    assert describe_object("crypto-raw", entry.key, body, START + 5) == entry


def test_an_object_has_rows_of_one_day() -> None:
    with pytest.raises(LakeError, match="at least one candle"):
        build_klines_object("b", "BTCUSDT", RawKlines.from_rows([]), Source.REST, START)
    with pytest.raises(LakeError, match="one UTC day"):
        build_klines_object(
            "b", "BTCUSDT", RawKlines.from_rows([row(0), row(1440)]), Source.REST, START
        )
    with pytest.raises(LakeError, match="not a key of this lake"):
        describe_object("b", "other/layout.json", b"[]", START)


@pytest.mark.parametrize("body", [b"", b"[[1,", b'{"a":1}', b"[1,2]", b"null"])
def test_anything_but_an_array_of_rows_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_klines(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_anything_but_a_depth_response_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_depth(body)


@pytest.mark.parametrize(
    ("body", "rows"),
    [(b"[[1],[2]]", 2), (b"[]", 0), (b'{"bids":[1,2],"asks":[3]}', 3), (b"{}", 0), (b"[[", 0)],
)
def test_rows_are_counted_and_other_content_counts_as_none(body: bytes, rows: int) -> None:
    assert count_rows(body) == rows
