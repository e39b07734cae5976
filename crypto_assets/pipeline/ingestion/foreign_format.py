"""Parses klines objects of other programs: their symbol, and the rows that are final minutes."""

import re
from array import array
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from crypto_assets.foreign_text import shorten_text
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.symbols import list_spellings
from crypto_assets.market.utc_time import DAY_MS, MAX_EPOCH_MS, MINUTE_MS, Window, day_of

# A day of minutes has 200 KB: years of a symbol in one object.
MAX_OBJECT_BYTES = 64 << 20
_BATCH_BYTES = 1 << 20
_BETWEEN_ROWS = re.compile(rb"\]\s*,\s*(?=\[)")
_NO_ROWS = "it is not an array of kline rows"

_FIELDS = 12
_TIMES = (0, 6)  # open and close time
_TRADES = 8
_WHOLE_NUMBERS = (*_TIMES, _TRADES)
# In milliseconds this is the year 5138, in microseconds 1973. Decided row by row.
_MICROSECONDS = 100_000_000_000_000
_MAX_DIGITS = 19
_MAX_SHOWN = 60
# A few minutes of the exchange close late (2017-09-06T15:39, 2021-12-24T04:59). The next longer
# interval has three minutes.
_LATEST_CLOSE = 2 * MINUTE_MS


class ForeignFormatError(ValueError):
    """Raised for an object or row that is not a minute candle of a tracked symbol."""


@dataclass(frozen=True)
class ForeignRows:
    """Minute rows in the exchange's format, ascending, each as the JSON text of the lake.

    `open_times` are in epoch ms. `early` counts rows that were written before they were final,
    `refused` those that are not minutes; `flaw` describes the first of these.
    """

    rows: Sequence[str]
    open_times: NDArray[np.int64]
    early: int
    refused: int
    flaw: str | None = None

    def select_window(self, window: Window) -> RawKlines:
        """Return the rows that open in a window."""
        first, end = np.searchsorted(self.open_times, (window.start_ms, window.end_ms))
        body = f"[{','.join(self.rows[first:end])}]".encode()
        return RawKlines(body, self.open_times[first:end])

    def list_days(self, start: date) -> list[date]:
        """List the UTC days of the rows, from `start` on."""
        days = np.unique(self.open_times // DAY_MS)
        return [day for number in days.tolist() if (day := day_of(number * DAY_MS)) >= start]


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
    minutes, since the exchange has a few that close late. Rows are parsed in batches: as Python
    lists, all rows of a large object would take many times its size. Raises ForeignFormatError if
    the body is not a JSON array of arrays.
    """
    rows: list[str] = []
    opened, closed = array("q"), array("q")
    flaws: list[str] = []
    for row in chain.from_iterable(_iter_batches(body)):
        try:
            fields = _normalize_row(row)
        except ForeignFormatError as error:
            flaws.append(str(error))
            continue
        opened.append(int(fields[0]))
        closed.append(int(fields[6]))
        # The bytes of orjson would keep a buffer of a kilobyte each.
        rows.append(orjson.dumps(fields).decode())
    if not rows and not flaws:
        raise ForeignFormatError(_NO_ROWS)
    open_times, close_times = np.array(opened, np.int64), np.array(closed, np.int64)
    is_minute = _find_minutes(open_times, close_times)
    is_final = is_minute & (close_times + settle_ms < written_at)
    others = int((~is_minute).sum())
    final = _sort_and_deduplicate(open_times, np.flatnonzero(is_final))
    return ForeignRows(
        [rows[at] for at in final],
        open_times[final],
        early=int((is_minute & ~is_final).sum()),
        refused=len(flaws) + others,
        flaw=flaws[0] if flaws else "a row is not a one-minute candle" if others else None,
    )


def _iter_batches(body: bytes) -> Iterator[list[list[Any]]]:
    """Yield the rows of a JSON array in batches of about a megabyte, cut between two rows."""
    start, end = body.find(b"[") + 1, body.rfind(b"]")
    if len(body) <= _BATCH_BYTES or body[: start - 1].strip() or body[end + 1 :].strip():
        yield _parse_batch(body)
        return
    while start < end:
        cut = _BETWEEN_ROWS.search(body, start + _BATCH_BYTES, start + 2 * _BATCH_BYTES)
        if not cut and end - start > 2 * _BATCH_BYTES:
            raise ForeignFormatError("it is not an array of rows, or a row has more than 1 MB")
        stop = cut.start() + 1 if cut else end
        yield _parse_batch(b"[%s]" % body[start:stop])
        start = cut.end() if cut else end


def _parse_batch(text: bytes) -> list[list[Any]]:
    try:
        content: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ForeignFormatError(f"it is not JSON ({error})") from None
    if not isinstance(content, list) or not all(isinstance(row, list) for row in content):
        raise ForeignFormatError(_NO_ROWS)
    return content


def _find_minutes(
    open_times: NDArray[np.int64], close_times: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which rows are minutes.

    All are candidates if most rows close within their minute, and most open in a minute of their
    own. Candles of seconds share a minute. Longer ones close after it, except for a few that an
    outage cut short.
    """
    # How long after the start of its minute a row closes.
    offsets = close_times - open_times // MINUTE_MS * MINUTE_MS
    opened = np.unique(open_times)
    most_close_within = 2 * (offsets < MINUTE_MS).sum() >= len(offsets)
    most_open_alone = 2 * len(np.unique(opened // MINUTE_MS)) > len(opened)
    latest = _LATEST_CLOSE if most_close_within and most_open_alone else 0
    return (open_times <= close_times) & (offsets < latest)


def _sort_and_deduplicate(
    open_times: NDArray[np.int64], positions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return positions in the order of their open times; of equal times the last one remains."""
    ordered = positions[np.argsort(open_times[positions], kind="stable")]
    times = open_times[ordered]
    return ordered[np.append(times[1:] != times[:-1], True)] if len(times) else ordered


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
        if not 0 <= fields[at] <= MAX_EPOCH_MS:
            raise ForeignFormatError("a time is not in epoch milliseconds or microseconds")
    return fields


def _parse_whole_number(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) <= _MAX_DIGITS:
        return int(value)
    raise ForeignFormatError(f"{shorten_text(repr(value), _MAX_SHOWN)} is not a whole number")
