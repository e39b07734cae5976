"""Klines objects of other programs: what symbol a key names, and which rows are final minutes."""

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
# As milliseconds the year 5138, as microseconds 1973: decided row by row.
_MICROSECONDS = 100_000_000_000_000
# A few minutes of the exchange close late (2017-09-06T15:39, 2021-12-24T04:59); no other interval
# is shorter than three minutes.
_LATEST_CLOSE = 2 * MINUTE_MS


class ForeignFormatError(ValueError):
    """An object, or a row of it, that is no minute candle of a known symbol; says why."""


@dataclass(frozen=True)
class ForeignRows:
    """Minute rows as the exchange sends them, ascending.

    `early` ones were written before they were final and `refused` ones are no minutes (`flaw`).
    """

    rows: list[KlineRow]
    early: int
    refused: int
    flaw: str | None = None


def find_symbol_in_key(key: str, known: Set[str]) -> str:
    """The one known symbol that a key names, the file's name before its folders.

    Letters and digits of any script on either side belong to another name. Raises NotUnderstood
    where the key names none, or two in one place.
    """
    names = _compile_symbol_pattern(frozenset(known))
    for part in reversed(key.split("/")):
        found: Iterator[set[str]] = (
            set(names.findall(reading)) for reading in list_spellings(part)
        )
        named = next((symbols for symbols in found if symbols), set())
        if len(named) > 1:
            raise ForeignFormatError(f"its key names {' and '.join(sorted(named))}")
        if named:
            return named.pop()
    raise ForeignFormatError("its key names no tracked symbol")


@lru_cache(maxsize=1)
def _compile_symbol_pattern(known: frozenset[str]) -> re.Pattern[str]:
    """Any of the symbols, the longest first: another may be a part of it, as B is of A-B."""
    names = "|".join(map(re.escape, sorted(known, key=lambda name: (-len(name), name))))
    return re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])" if names else r"(?!)")


def parse_foreign_rows(body: bytes, written_at: int, settle_ms: int) -> ForeignRows:
    """The final minutes of an object that was written at an instant (epoch ms).

    A row counts if it had closed and settled by then. Whether the rows are minutes is decided by
    all of them together: the exchange itself has a few that close past their minute. Raises
    NotUnderstood where the body is no JSON array of arrays.
    """
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ForeignFormatError(f"it is no JSON ({error})") from None
    if not isinstance(given, list) or not given or not all(isinstance(r, list) for r in given):
        raise ForeignFormatError("it is no array of kline rows")
    rows, flaws = _parse_minutes(given)
    final = {int(row[0]): row for row in rows if int(row[6]) + settle_ms < written_at}
    return ForeignRows(
        [final[at] for at in sorted(final)],
        early=sum(int(row[6]) + settle_ms >= written_at for row in rows),
        refused=len(flaws),
        flaw=flaws[0] if flaws else None,
    )


def _parse_minutes(given: Sequence[list[Any]]) -> tuple[list[KlineRow], list[str]]:
    rows, flaws = [], []
    for row in given:
        try:
            rows.append(_normalize_row(row))
        except ForeignFormatError as error:
            flaws.append(str(error))
    latest = _LATEST_CLOSE if _are_minutes(rows) else 0
    minutes = [row for row in rows if int(row[0]) <= int(row[6]) and _close_offset_ms(row) < latest]
    return minutes, flaws + ["a row is no candle of one minute"] * (len(rows) - len(minutes))


def _are_minutes(rows: Sequence[KlineRow]) -> bool:
    """Return whether most rows close within their minute, and most open in one of their own.

    Candles of seconds share a minute; of longer ones at most a few, which an outage cut short,
    close within it.
    """
    opened = sorted({int(row[0]) for row in rows})
    own = len({floor_ms(at, MINUTE_MS) for at in opened})
    within = sum(_close_offset_ms(row) < MINUTE_MS for row in rows)
    return 2 * within >= len(rows) and 2 * own > len(opened)


def _close_offset_ms(row: KlineRow) -> int:
    """Return how long after the start of its minute a row closes, in milliseconds."""
    return int(row[6]) - floor_ms(int(row[0]), MINUTE_MS)


def _normalize_row(row: list[Any]) -> KlineRow:
    """Return a row with times in milliseconds and whole numbers as such."""
    if len(row) != _FIELDS:
        raise ForeignFormatError(f"a row has {len(row)} fields, not {_FIELDS}")
    fields = [
        _parse_whole_number(value) if at in _WHOLE_NUMBERS else value
        for at, value in enumerate(row)
    ]
    if not all(isinstance(fields[at], str) for at in range(_FIELDS) if at not in _WHOLE_NUMBERS):
        raise ForeignFormatError("prices and volumes are not the exchange's decimal text")
    for at in _TIMES:
        fields[at] = fields[at] // 1000 if fields[at] >= _MICROSECONDS else fields[at]
    return fields


def _parse_whole_number(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    raise ForeignFormatError(f"{value!r} is no whole number")
