"""Candles as bytes: the JSON of the klines answer and the CSV of the daily archive."""

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA, decimal_text

_DECIMALS = tuple(pa.types.is_decimal(field.type) for field in CANDLE_SCHEMA)


def rows_json(candles: pa.Table) -> bytes:
    """Rows of 12 fields, times and trades as numbers, decimals and the unused last as strings."""
    if not candles.num_rows:
        return b"[]"
    pieces: list[pa.Array | str] = ["["]
    for name, quoted in zip(CANDLE_SCHEMA.names, _DECIMALS, strict=True):
        pieces += ['"', _text(candles, name), '"', ","] if quoted else [_text(candles, name), ","]
    return b"[" + _joined([*pieces, '"0"],'])[:-1] + b"]"


def rows_csv(candles: pa.Table) -> bytes:
    """Lines of 12 columns without a header."""
    if not candles.num_rows:
        return b""
    pieces: list[pa.Array | str] = []
    for name in CANDLE_SCHEMA.names:
        pieces += [_text(candles, name), ","]
    return _joined([*pieces, "0\n"])


def _text(candles: pa.Table, name: str) -> pa.Array:
    column = candles[name]
    if pa.types.is_decimal(column.type):
        return decimal_text(column)
    return column.combine_chunks().cast(pa.string())


def _joined(pieces: list[pa.Array | str]) -> bytes:
    """All rows' pieces, one after the other."""
    rows = pc.binary_join_element_wise(*pieces, "")
    _, offsets, data = rows.buffers()
    first, last = (int.from_bytes(offsets[i * 4 : i * 4 + 4], "little") for i in (0, len(rows)))
    return bytes(memoryview(data)[first:last])
