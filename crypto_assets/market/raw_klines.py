"""Kline rows as the bytes that the exchange sends and the lake stores, and their parsing.

Thousands of rows stay one bytes object. As lists of strings they would take ten times the time and
the memory, under the interpreter's lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from crypto_assets.market.candles import (
    CANDLE_COLUMNS,
    CANDLE_SCHEMA,
    KlineRow,
    require_number_length,
)
from crypto_assets.market.utc_time import MINUTE_MS

KLINE_FIELDS: tuple[str, ...] = (*CANDLE_COLUMNS, "unused")

_DIGITS = b"0123456789.-"
# A JSON row without its digits: times and trades bare, decimals quoted.
_ROW = b'[,"","","","","",,"",,"","",""],'
# Turns a JSON array of rows into lines: each opening bracket begins one.
_LINE_BREAKS, _LINE_DELETIONS = bytes.maketrans(b"[", b"\n"), b'"]'
_CSV_PARSING = csv.ParseOptions(quote_char=False, newlines_in_values=False)
_CANDLE_CONVERSION = csv.ConvertOptions(
    column_types=CANDLE_SCHEMA, include_columns=CANDLE_COLUMNS, null_values=[]
)
_INTEGERS = {f.name for f in CANDLE_SCHEMA if pa.types.is_integer(f.type)}
_TEXT_CONVERSION = csv.ConvertOptions(
    column_types={name: pa.int64() if name in _INTEGERS else pa.string() for name in KLINE_FIELDS},
    null_values=[],
)
# Quotes text and not numbers: each line is a JSON row without its brackets.
_JSON_WRITING = csv.WriteOptions(include_header=False, quoting_style="needed")


@dataclass(frozen=True)
class RawKlines:
    """Rows of 12 fields, ascending: `body` is their JSON array, as REST returns it.

    `open_times` are in epoch ms.
    """

    body: bytes
    open_times: NDArray[np.int64]

    @classmethod
    def from_rows(cls, rows: Sequence[KlineRow]) -> Self:
        return cls(orjson.dumps(rows), np.array([int(row[0]) for row in rows], np.int64))

    def __len__(self) -> int:
        return len(self.open_times)

    def decode_rows(self) -> list[KlineRow]:
        rows: list[KlineRow] = orjson.loads(self.body)
        return rows

    def list_minutes(self) -> NDArray[np.int64]:
        """Return the distinct minutes of the rows, as numbers since the epoch, ascending."""
        minutes: NDArray[np.int64] = self.open_times // MINUTE_MS
        return minutes.compress(np.diff(minutes, prepend=-1) != 0)


def text_table_from_csv(lines: bytes) -> pa.Table:
    """Parse CSV lines of 12 fields: times and trades as int64, decimals as unchanged text.

    Raises ValueError if a line has another number of fields or a time or count is not an integer.
    """
    return _read_csv(lines, _TEXT_CONVERSION, KLINE_FIELDS)


def raw_klines_from_text_table(text: pa.Table) -> RawKlines:
    """Convert such a table to JSON rows; its times must be in milliseconds."""
    out = pa.BufferOutputStream()
    csv.write_csv(text, out, _JSON_WRITING)
    lines = out.getvalue().to_pybytes()
    body = b"[[%s]]" % lines[:-1].replace(b"\n", b"],[")
    return RawKlines(body, text["open_time"].to_numpy())


def table_from_json(body: bytes) -> pa.Table:
    """Parse a JSON array of rows, without white space, to a table of CANDLE_SCHEMA.

    Raises ValueError for any other JSON, and as `candles.table_from_rows` does. Rows that this
    rejects may still be parsed one by one.
    """
    shape = body.translate(None, _DIGITS)
    if shape != b"[%s]" % (_ROW * (len(shape) // len(_ROW)))[:-1]:
        raise ValueError("not a plain array of kline rows")
    # Each line but the last still has the comma that followed its row.
    lines = body[2:].translate(_LINE_BREAKS, _LINE_DELETIONS) + b","
    table = _read_csv(lines, _CANDLE_CONVERSION, (*KLINE_FIELDS, "end"))
    table.validate(full=True)  # the parser does not check that a number fits its decimal type
    return table


def _read_csv(lines: bytes, convert: csv.ConvertOptions, names: Sequence[str]) -> pa.Table:
    """Parse in one block, so that each column has one chunk."""
    _require_short_fields(lines)
    read = csv.ReadOptions(column_names=names, use_threads=False, block_size=len(lines) + 1)
    return csv.read_csv(pa.BufferReader(lines), read, _CSV_PARSING, convert)


def _require_short_fields(lines: bytes) -> None:
    # Digits, points and minus signs are larger than commas and line ends.
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) <= ord(","))
    if len(ends):
        require_number_length(int(np.diff(ends, prepend=-1).max()) - 1)
