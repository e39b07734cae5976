"""A daily archive's CSV as rows of the exchange: times in milliseconds, decimals untouched."""

from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crypto_assets.market.raw_klines import (
    KLINE_FIELDS,
    RawKlines,
    raw_klines_from_text_table,
    text_table_from_csv,
)
from crypto_assets.market.utc_time import Window

_DIGITS = b"0123456789.-"
_LINE = b"," * (len(KLINE_FIELDS) - 1) + b"\n"
# Spot files are in microseconds from 2025-01-01 on and in milliseconds before; as milliseconds
# this would be the year 5138, as microseconds it is 1973. A close time ends in 999 either way.
_MICROSECONDS = 100_000_000_000_000


def parse_day_csv(content: bytes, day: date) -> RawKlines:
    """The candles of one UTC day, ascending. A header line is left out.

    Raises ValueError, saying where, for what is no such file.
    """
    lines = _extract_lines(content)
    _check_fields(lines)
    text = text_table_from_csv(lines)
    for name in ("open_time", "close_time"):
        place = text.schema.get_field_index(name)
        text = text.set_column(place, name, _convert_to_milliseconds(text[name]))
    klines = raw_klines_from_text_table(text)
    _check_order(klines.open_times, day)
    return klines


def _extract_lines(content: bytes) -> bytes:
    """The candles' lines, each with its end."""
    lines = content.replace(b"\r", b"").rstrip(b"\n")
    first, _, rest = lines.partition(b"\n")
    if first[:1].isalpha():
        lines = rest
    if not lines:
        raise ValueError("it holds no candle")
    return lines + b"\n"


def _check_fields(lines: bytes) -> None:
    """Each line has 12 fields, of digits alone, and none of them empty."""
    shape = lines.translate(None, _DIGITS)
    if shape == _LINE * (len(shape) // len(_LINE)) and not _has_empty_field(lines):
        return
    if strange := shape.translate(None, b",\n"):
        raise ValueError(f"it holds {strange[:40]!r} among its numbers")
    for number, line in enumerate(lines.decode("ascii").splitlines(), 1):
        fields = line.split(",")
        if len(fields) != len(KLINE_FIELDS) or "" in fields:
            raise ValueError(f"candle {number} has not {len(KLINE_FIELDS)} fields: {line}"[:300])


def _has_empty_field(lines: bytes) -> bool:
    """Whether a comma or line end follows another, or begins it all: they sort before digits."""
    ends = np.frombuffer(lines, np.uint8) <= ord(",")
    return bool(ends[0] or (ends[1:] & ends[:-1]).any())


def _convert_to_milliseconds(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Row by row: a file may hold both."""
    micro = pc.greater_equal(times, _MICROSECONDS)
    return pc.if_else(micro, pc.divide(times, 1000), times)


def _check_order(times: NDArray[np.int64], day: date) -> None:
    if (times[1:] <= times[:-1]).any():
        first, second = next((a, b) for a, b in pairwise(times.tolist()) if b <= a)
        raise ValueError(f"its candles do not ascend: {second} after {first}")
    window = Window.of_day(day)
    for time in (int(times[0]), int(times[-1])):
        if time not in window:
            raise ValueError(f"it holds a candle of {time}, outside {day}")
