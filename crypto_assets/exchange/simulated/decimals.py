"""Exact decimals from and to integers, a column at a time."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Decimals of CANDLE_SCHEMA count in units of 10^-8.
DECIMAL_SCALE = 8
_LARGEST = np.iinfo(np.int64).max


def make_decimal_array(units: NDArray[np.int64], digits: int, kind: pa.DataType) -> pa.Array:
    """Non-negative integers, of 10^-digits each, as decimals of `kind`, whose scale is 8."""
    factor = 10 ** (DECIMAL_SCALE - digits)
    if len(units) and int(units.max()) > _LARGEST // factor:
        return _array_from_words(units, pa.decimal128(19, digits)).cast(kind)
    return _array_from_words(units * factor, kind)


def _array_from_words(values: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    words = np.zeros((len(values), 2), np.int64)
    words[:, 0] = values
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(words)])


def extract_units(column: pa.ChunkedArray) -> NDArray[np.int64] | None:
    """A column's values in units of 10^-8; None where one is negative or beyond 64 bits."""
    words = _read_words(column.combine_chunks())
    if words[:, 1].any() or (words[:, 0] < 0).any():
        return None
    return words[:, 0]


def _read_words(array: pa.Array) -> NDArray[np.int64]:
    """The low and the high 64 bits of each value."""
    words = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)
    return words[array.offset : array.offset + len(array)]


def count_needed_digits(column: pa.ChunkedArray) -> int:
    """The decimals without which a column's values would not be exact, 0 to 8."""
    return max(
        (_count_digits(_read_words(chunk)) for chunk in column.chunks if len(chunk)), default=0
    )


def _count_digits(words: NDArray[np.int64]) -> int:
    low, high = words[:, 0].view(np.uint64), words[:, 1]
    for digits in range(DECIMAL_SCALE):
        unit = 10 ** (DECIMAL_SCALE - digits)
        rest = high % unit * (2**64 % unit) + (low % np.uint64(unit)).astype(np.int64)
        if not (rest % unit).any():
            return digits
    return DECIMAL_SCALE
