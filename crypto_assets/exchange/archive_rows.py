"""A daily archive's CSV as rows of the exchange: times in milliseconds, decimals untouched."""

from datetime import date
from itertools import pairwise
from typing import cast

from crypto_assets.market.candles import KlineRow
from crypto_assets.market.clock import Window

_FIELDS = 12
_TIMES = (0, 6)  # open and close time
_TRADES = 8
_ALPHABET = b"0123456789.-,\n"
# Spot files are in microseconds from 2025-01-01 on and in milliseconds before; as milliseconds
# this would be the year 5138, as microseconds it is 1973. A close time ends in 999 either way.
_MICROSECONDS = 100_000_000_000_000


def read_day(content: bytes, day: date) -> list[KlineRow]:
    """Rows of 12 fields of one UTC day, ascending. A header line is left out.

    Raises ValueError, saying where, for what is no such file.
    """
    lines = content.replace(b"\r", b"").rstrip(b"\n")
    first, _, rest = lines.partition(b"\n")
    if first[:1].isalpha():
        lines = rest
    if not lines:
        raise ValueError("it holds no candle")
    if strange := lines.translate(None, _ALPHABET):
        raise ValueError(f"it holds {strange[:40]!r} among its numbers")
    rows = cast(list[KlineRow], [line.split(",") for line in lines.decode("ascii").split("\n")])
    for number, row in enumerate(rows, 1):
        if len(row) != _FIELDS or "" in row:
            raise ValueError(f"candle {number} has not {_FIELDS} fields: {row}"[:300])
        for field in _TIMES:
            time = int(row[field])
            row[field] = time // 1000 if time >= _MICROSECONDS else time
        row[_TRADES] = int(row[_TRADES])
    _demand_order([int(row[0]) for row in rows], day)
    return rows


def _demand_order(times: list[int], day: date) -> None:
    for first, second in pairwise(times):
        if second <= first:
            raise ValueError(f"its candles do not ascend: {second} after {first}")
    window = Window.of_day(day)
    for time in (times[0], times[-1]):
        if time not in window:
            raise ValueError(f"it holds a candle of {time}, outside {day}")
