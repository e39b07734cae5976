"""Where a day's candles come from: the daily archive for what is past, REST for the rest."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np

from crypto_assets.errors import ArchiveBroken, ArchiveError, NotListed
from crypto_assets.exchange import Exchange
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import MINUTE_MS, MINUTES_PER_DAY, Window, now_ms

# The newest candle of all may still be open whatever the clock says; after so long it is not.
_DOUBT_MS = 10 * MINUTE_MS


@dataclass(frozen=True)
class FetchedKlines:
    """Closed rows of one day from one source; `fetched_at` in epoch ms."""

    source: Source
    klines: RawKlines
    fetched_at: int


@dataclass(frozen=True)
class FetchedDay:
    """All that was asked for one day; `note` says why the archive alone did not do.

    `broken` is what is wrong with an archive file that was refused.
    """

    parts: list[FetchedKlines]
    note: str | None = None
    broken: ArchiveBroken | None = None


def fetch_day(exchange: Exchange, symbol: str, day: date, closed_before_ms: int) -> FetchedDay:
    """A day's closed candles from the best source (truth rule 2).

    A day that is over comes from the archive. Where that is missing, broken or short, REST is
    asked as well, and its rows count for the minutes that the archive lacks; of a symbol that it
    does not list REST has none. Raises ExchangeError.
    """
    window = Window.of_day(day)
    if window.end_ms > closed_before_ms:
        return _fetch_from_rest(exchange, symbol, window, closed_before_ms)
    try:
        archived = FetchedKlines(Source.ARCHIVE, exchange.archive.fetch_day(symbol, day), now_ms())
    except ArchiveError as error:
        rest = _fetch_from_rest(exchange, symbol, window, closed_before_ms)
        note = "; ".join(filter(None, (str(error), rest.note)))
        return FetchedDay(rest.parts, note, _get_broken_archive(error))
    return _fill_from_rest(exchange, symbol, day, archived, closed_before_ms)


def fetch_archived_day(
    exchange: Exchange, symbol: str, day: date, closed_before_ms: int
) -> FetchedDay:
    """A past day as `pull_day`, if its archive is there; else nothing, and why.

    For a day of which nothing is missing: it can wait for its archive. Raises ExchangeError.
    """
    try:
        archived = FetchedKlines(Source.ARCHIVE, exchange.archive.fetch_day(symbol, day), now_ms())
    except ArchiveError as error:
        return FetchedDay([], str(error), _get_broken_archive(error))
    return _fill_from_rest(exchange, symbol, day, archived, closed_before_ms)


def fetch_archive_only(
    exchange: Exchange, symbol: str, day: date, closed_before_ms: int
) -> FetchedDay:
    """A past day as its archive has it, however short: for a symbol that REST does not list."""
    if Window.of_day(day).end_ms > closed_before_ms:
        return FetchedDay([], _describe_not_listed(symbol))
    try:
        archived = FetchedKlines(Source.ARCHIVE, exchange.archive.fetch_day(symbol, day), now_ms())
    except ArchiveError as error:
        return FetchedDay(
            [], f"{error}; {_describe_not_listed(symbol)}", _get_broken_archive(error)
        )
    return FetchedDay([archived])


def fetch_window(
    exchange: Exchange, symbol: str, window: Window, closed_before_ms: int
) -> dict[date, FetchedDay]:
    """Closed candles of a window by REST, for each UTC day that has some. Raises ExchangeError."""
    found, fetched_at = _fetch_closed_rows(exchange, symbol, window, closed_before_ms)
    days = {day: Window.of_day(day) for day in (window & Window(0, closed_before_ms)).iter_days()}
    return {
        day: FetchedDay([FetchedKlines(Source.REST, RawKlines.from_rows(rows), fetched_at)])
        for day, span in days.items()
        if (rows := [row for row in found if int(row[0]) in span])
    }


def _fill_from_rest(
    exchange: Exchange, symbol: str, day: date, archived: FetchedKlines, closed_before_ms: int
) -> FetchedDay:
    """An archive file, and where it is short of minutes, REST's rows of those, and no others.

    REST may still say of the other minutes what the archive has revised since. Each run of rows
    between two of the archive's is a pull of its own: an object knows all of the stretch it spans.
    """
    held = archived.klines.list_minutes()
    missing = MINUTES_PER_DAY - len(held)
    if not missing:
        return FetchedDay([archived])
    try:
        rows, fetched_at = _fetch_closed_rows(
            exchange, symbol, Window.of_day(day), closed_before_ms
        )
    except NotListed:
        note = f"the archive lacks {missing} minutes; {_describe_not_listed(symbol)}"
        return FetchedDay([archived], note)
    minutes = [int(row[0]) // MINUTE_MS for row in rows]
    before = np.searchsorted(held, minutes).tolist()
    lacking = np.isin(minutes, held, invert=True).tolist()
    runs: dict[int, list[KlineRow]] = defaultdict(list)
    for row, run, lacks in zip(rows, before, lacking, strict=True):
        if lacks:
            runs[run].append(row)
    added = len(np.setdiff1d(minutes, held))
    note = f"the archive lacks {missing} minutes, REST has {added} of them"
    rest = [
        FetchedKlines(Source.REST, RawKlines.from_rows(run), fetched_at) for run in runs.values()
    ]
    return FetchedDay([archived, *rest], note)


def _fetch_from_rest(
    exchange: Exchange, symbol: str, window: Window, closed_before_ms: int
) -> FetchedDay:
    try:
        rows, fetched_at = _fetch_closed_rows(exchange, symbol, window, closed_before_ms)
    except NotListed:
        return FetchedDay([], _describe_not_listed(symbol))
    return FetchedDay(
        [FetchedKlines(Source.REST, RawKlines.from_rows(rows), fetched_at)] if rows else []
    )


def _fetch_closed_rows(
    exchange: Exchange, symbol: str, window: Window, closed_before_ms: int
) -> tuple[list[KlineRow], int]:
    """REST's rows of a window that are final, and when they were fetched (epoch ms)."""
    opened = window & Window(window.start_ms, closed_before_ms)
    given = [
        row for page in exchange.rest.fetch_kline_pages(symbol, Interval.M1, opened) for row in page
    ]
    fetched_at = now_ms()
    rows = [row for row in given if int(row[6]) < closed_before_ms]
    if (
        rows
        and len(rows) == len(given)
        and _is_doubtful(exchange, symbol, rows[-1], closed_before_ms)
    ):
        rows.pop()
    return rows, fetched_at


def _is_doubtful(exchange: Exchange, symbol: str, row: KlineRow, closed_before_ms: int) -> bool:
    """Whether a row that closed a moment ago is the exchange's newest, and so perhaps still open.

    Where the exchange's clock is right, a later candle has begun.
    """
    start = int(row[0]) + 1
    if closed_before_ms - int(row[6]) > _DOUBT_MS:
        return False
    later = Window(start, start + 2 * _DOUBT_MS)
    return next(exchange.rest.fetch_kline_pages(symbol, Interval.M1, later), None) is None


def _get_broken_archive(error: ArchiveError) -> ArchiveBroken | None:
    return error if isinstance(error, ArchiveBroken) else None


def _describe_not_listed(symbol: str) -> str:
    return f"the exchange does not list {symbol} any more"
