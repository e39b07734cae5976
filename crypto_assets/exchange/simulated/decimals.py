"""Conversions between exact decimals, integers of units and text."""

from decimal import Decimal

import numpy as np
import pyarrow as pa

from crypto_assets.exchange.simulated.array_types import Ints

# The scale of CANDLE_SCHEMA's decimals: their unit is 10^-8.
DECIMAL_SCALE = 8
DECIMAL_STEP = Decimal("1E-8")
_LARGEST = np.iinfo(np.int64).max


def make_decimal_array(units: Ints, digits: int, kind: pa.DataType) -> pa.Array:
    """Return non-negative integers of 10^-digits as decimals of `kind`, whose scale is 8."""
    factor = 10 ** (DECIMAL_SCALE - digits)
    if len(units) and int(units.max()) > _LARGEST // factor:
        return _array_from_words(units, pa.decimal128(19, digits)).cast(kind)
    return _array_from_words(units * factor, kind)


def _array_from_words(values: Ints, kind: pa.DataType) -> pa.Array:
    words = np.zeros((len(values), 2), np.int64)
    words[:, 0] = values
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(words)])


def format_decimal(value: Decimal) -> str:
    """Return the value with eight decimals."""
    return f"{value:.8f}"


def format_units(units: int, digits: int) -> str:
    """Return units of 10^-digits with eight decimals, truncated."""
    if digits <= DECIMAL_SCALE:
        units *= 10 ** (DECIMAL_SCALE - digits)
    else:
        units //= 10 ** (digits - DECIMAL_SCALE)
    whole, part = divmod(units, 10**DECIMAL_SCALE)
    return f"{whole}.{part:0{DECIMAL_SCALE}d}"


def extract_units(column: pa.ChunkedArray) -> Ints | None:
    """Return values in units of 10^-8; None if one is negative or larger than 64 bits."""
    words = _read_words(column.combine_chunks())
    if words[:, 1].any() or (words[:, 0] < 0).any():
        return None
    return words[:, 0]


def _read_words(array: pa.Array) -> Ints:
    """Return the low and the high 64 bits of each value."""
    words = np.frombuffer(array.buffers()[1], np.int64).reshape(-1, 2)
    return words[array.offset : array.offset + len(array)]


def count_needed_digits(column: pa.ChunkedArray) -> int:
    """Return how many decimals make all values of a column exact, 0 to 8."""
    return max(
        (_count_digits(_read_words(chunk)) for chunk in column.chunks if len(chunk)), default=0
    )


def _count_digits(words: Ints) -> int:
    low, high = words[:, 0].view(np.uint64), words[:, 1]
    for digits in range(DECIMAL_SCALE):
        unit = 10 ** (DECIMAL_SCALE - digits)
        rest = high % unit * (2**64 % unit) + (low % np.uint64(unit)).astype(np.int64)
        if not (rest % unit).any():
            return digits
    return DECIMAL_SCALE
