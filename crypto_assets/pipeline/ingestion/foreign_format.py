"""Parses klines objects of other programs: their symbol, and the rows that are final minutes."""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from crypto_assets.market.candles import KlineRow
from crypto_assets.market.symbols import list_spellings
from crypto_assets.market.utc_time import MINUTE_MS, floor_ms

_FIELDS = 12
_TIMES = (0, 6)  # open and close time
_TRADES = 8
_WHOLE_NUMBERS = (*_TIMES, _TRADES)
# In milliseconds this is the year 5138, in microseconds 1973. Decided row by row.
_MICROSECONDS = 100_000_000_000_000
# A few minutes of the exchange close late (2017-09-06T15:39, 2021-12-24T04:59). The next longer
# interval has three minutes.
_LATEST_CLOSE = 2 * MINUTE_MS


class ForeignFormatError(ValueError):
    """Raised for an object or row that is not a minute candle of a tracked symbol."""


@dataclass(frozen=True)
class ForeignRows:
    """Minute rows in the exchange's format, ascending.

    `early` counts rows that were written before they were final, `refused` those that are not
    minutes; `flaw` describes the first of these.
    """

    rows: list[KlineRow]
    early: int
    refused: int
    flaw: str | None = None


def find_symbol_in_key(key: str, known: Set[str]) -> str:
    """Find the known symbol in a key: in the file's name, or else in the nearest folder's.

    A letter or digit of any script next to a symbol makes it a part of another name. Raises
    ForeignFormatError if no part of the key contains a symbol, or one part contains two.
    """
    names = _compile_symbol_pattern(frozenset(known))
    for part in reversed(key.split("/")):
        matches: Iterator[set[str]] = (
            set(names.findall(spelling)) for spelling in list_spellings(part)
        )
        named = next((symbols for symbols in matches if symbols), set())
        if len(named) > 1:
            raise ForeignFormatError(f"its key contains {' and '.join(sorted(named))}")
        if named:
            return named.pop()
    raise ForeignFormatError("its key contains no tracked symbol")


@lru_cache(maxsize=1)
def _compile_symbol_pattern(known: frozenset[str]) -> re.Pattern[str]:
    """A pattern of all symbols, longest first: one may be a part of another, as B is of A-B."""
    names = "|".join(map(re.escape, sorted(known, key=lambda name: (-len(name), name))))
    return re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])" if names else r"(?!)")


def parse_foreign_rows(body: bytes, written_at: int, settle_ms: int) -> ForeignRows:
    """Parse the final minutes of an object that was written at `written_at` (epoch ms).

    A row is final if it had closed and settled by then. All rows together decide whether they are
    minutes, since the exchange has a few that close late. Raises ForeignFormatError if the body is
    not a JSON array of arrays.
    """
    try:
        content: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ForeignFormatError(f"it is not JSON ({error})") from None
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(r, list) for r in content)
    ):
        raise ForeignFormatError("it is not an array of kline rows")
    rows, flaws = _parse_minutes(content)
    final = {int(row[0]): row for row in rows if int(row[6]) + settle_ms < written_at}
    return ForeignRows(
        [final[at] for at in sorted(final)],
        early=sum(int(row[6]) + settle_ms >= written_at for row in rows),
        refused=len(flaws),
        flaw=flaws[0] if flaws else None,
    )


def _parse_minutes(content: Sequence[list[Any]]) -> tuple[list[KlineRow], list[str]]:
    rows, flaws = [], []
    for row in content:
        try:
            rows.append(_normalize_row(row))
        except ForeignFormatError as error:
            flaws.append(str(error))
    latest = _LATEST_CLOSE if _are_minutes(rows) else 0
    minutes = [row for row in rows if int(row[0]) <= int(row[6]) and _close_offset_ms(row) < latest]
    return minutes, flaws + ["a row is not a one-minute candle"] * (len(rows) - len(minutes))


def _are_minutes(rows: Sequence[KlineRow]) -> bool:
    """Return whether most rows close within their minute, and most open in a minute of their own.

    Candles of seconds share a minute. Longer ones close after it, except for a few that an outage
    cut short.
    """
    opened = sorted({int(row[0]) for row in rows})
    minutes = len({floor_ms(at, MINUTE_MS) for at in opened})
    within = sum(_close_offset_ms(row) < MINUTE_MS for row in rows)
    return 2 * within >= len(rows) and 2 * minutes > len(opened)


def _close_offset_ms(row: KlineRow) -> int:
    """Return how long after the start of its minute a row closes, in milliseconds."""
    return int(row[6]) - floor_ms(int(row[0]), MINUTE_MS)


def _normalize_row(row: list[Any]) -> KlineRow:
    """Return a row with its times in milliseconds and its whole numbers as integers."""
    if len(row) != _FIELDS:
        raise ForeignFormatError(f"a row has {len(row)} fields, not {_FIELDS}")
    fields = [
        _parse_whole_number(value) if at in _WHOLE_NUMBERS else value
        for at, value in enumerate(row)
    ]
    if not all(isinstance(fields[at], str) for at in range(_FIELDS) if at not in _WHOLE_NUMBERS):
        raise ForeignFormatError("prices and volumes are not decimal strings")
    for at in _TIMES:
        fields[at] = fields[at] // 1000 if fields[at] >= _MICROSECONDS else fields[at]
    return fields


def _parse_whole_number(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    raise ForeignFormatError(f"{value!r} is not a whole number")
