"""Fetches candles: past days from the daily archive, everything else over REST."""

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
from crypto_assets.market.utc_time import MINUTE_MS, MINUTES_PER_DAY, Window

# The exchange's newest candle may still be open, whatever its clock shows, for at most this long.
_MAX_CLOCK_ERROR_MS = 10 * MINUTE_MS


@dataclass(frozen=True)
class FetchedKlines:
    """Closed rows of one day from one source; `fetched_at` in epoch ms."""

    source: Source
    klines: RawKlines
    fetched_at: int


@dataclass(frozen=True)
class FetchedDay:
    """Everything that was fetched of one day.

    `note` describes why the archive alone was not enough. `broken` is the error of an archive file
    that was refused.
    """

    parts: list[FetchedKlines]
    note: str | None = None
    broken: ArchiveBroken | None = None


def fetch_day(exchange: Exchange, symbol: str, day: date, closed_before_ms: int) -> FetchedDay:
    """Fetch a day's closed candles from the best source (truth rule 2).

    A day that has ended comes from the archive. If its file is missing, broken or short, REST adds
    the minutes that the archive lacks. Raises ExchangeError.
    """
    window = Window.of_day(day)
    if window.end_ms > closed_before_ms:
        return _fetch_from_rest(exchange, symbol, window, closed_before_ms)
    try:
        archived = _fetch_archive(exchange, symbol, day)
    except ArchiveError as error:
        rest = _fetch_from_rest(exchange, symbol, window, closed_before_ms)
        note = "; ".join(filter(None, (str(error), rest.note)))
        return FetchedDay(rest.parts, note, _get_broken_archive(error))
    return _fill_from_rest(exchange, symbol, day, archived, closed_before_ms)


def fetch_archived_day(
    exchange: Exchange, symbol: str, day: date, closed_before_ms: int
) -> FetchedDay:
    """Fetch a past day as `fetch_day` does, but only if its archive file exists.

    For a day that is complete and can wait for its file. Raises ExchangeError.
    """
    try:
        archived = _fetch_archive(exchange, symbol, day)
    except ArchiveError as error:
        return FetchedDay([], str(error), _get_broken_archive(error))
    return _fill_from_rest(exchange, symbol, day, archived, closed_before_ms)


def fetch_archive_only(
    exchange: Exchange, symbol: str, day: date, closed_before_ms: int
) -> FetchedDay:
    """Fetch a past day from the archive only, even a short one: for a symbol that is not listed."""
    if Window.of_day(day).end_ms > closed_before_ms:
        return FetchedDay([], _describe_not_listed(symbol))
    try:
        archived = _fetch_archive(exchange, symbol, day)
    except ArchiveError as error:
        return FetchedDay(
            [], f"{error}; {_describe_not_listed(symbol)}", _get_broken_archive(error)
        )
    return FetchedDay([archived])


def fetch_window(
    exchange: Exchange, symbol: str, window: Window, closed_before_ms: int
) -> dict[date, FetchedDay]:
    """Fetch the closed candles of a window over REST, by UTC day. Raises ExchangeError."""
    fetched, fetched_at = _fetch_closed_rows(exchange, symbol, window, closed_before_ms)
    days = {day: Window.of_day(day) for day in (window & Window(0, closed_before_ms)).iter_days()}
    return {
        day: FetchedDay([FetchedKlines(Source.REST, RawKlines.from_rows(rows), fetched_at)])
        for day, span in days.items()
        if (rows := [row for row in fetched if int(row[0]) in span])
    }


def _fill_from_rest(
    exchange: Exchange, symbol: str, day: date, archived: FetchedKlines, closed_before_ms: int
) -> FetchedDay:
    """Add REST's rows of the minutes that an archive file lacks, and of no others.

    For the other minutes REST may still return values that the archive has revised. Each run of
    rows between two archived minutes is a part of its own, since an object covers every minute
    between its first and last.
    """
    stored = archived.klines.list_minutes()
    missing = MINUTES_PER_DAY - len(stored)
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
    before = np.searchsorted(stored, minutes).tolist()
    lacking = np.isin(minutes, stored, invert=True).tolist()
    runs: dict[int, list[KlineRow]] = defaultdict(list)
    for row, run, lacks in zip(rows, before, lacking, strict=True):
        if lacks:
            runs[run].append(row)
    added = len(np.setdiff1d(minutes, stored))
    note = f"the archive lacks {missing} minutes, REST has {added} of them"
    rest = [
        FetchedKlines(Source.REST, RawKlines.from_rows(run), fetched_at) for run in runs.values()
    ]
    return FetchedDay([archived, *rest], note)


def _fetch_archive(exchange: Exchange, symbol: str, day: date) -> FetchedKlines:
    klines = exchange.archive.fetch_day(symbol, day)
    # By REST's clock too: a mirror of the archive may send files with the time of its cache.
    return FetchedKlines(Source.ARCHIVE, klines, exchange.rest.compute_fetch_time())


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
    """Fetch the final rows of a window over REST, and the time of the fetch (epoch ms)."""
    begun = window & Window(window.start_ms, closed_before_ms)
    received = [
        row for page in exchange.rest.fetch_kline_pages(symbol, Interval.M1, begun) for row in page
    ]
    fetched_at = exchange.rest.compute_fetch_time()
    rows = [row for row in received if int(row[6]) < closed_before_ms]
    if (
        rows
        and len(rows) == len(received)
        and _may_be_open(exchange, symbol, rows[-1], closed_before_ms)
    ):
        rows.pop()
    return rows, fetched_at


def _may_be_open(exchange: Exchange, symbol: str, row: KlineRow, closed_before_ms: int) -> bool:
    """Whether a row that has just closed is the exchange's newest, and so may still be open.

    If the exchange's clock is right, a later candle has begun.
    """
    start = int(row[0]) + 1
    if closed_before_ms - int(row[6]) > _MAX_CLOCK_ERROR_MS:
        return False
    later = Window(start, start + 2 * _MAX_CLOCK_ERROR_MS)
    return next(exchange.rest.fetch_kline_pages(symbol, Interval.M1, later), None) is None


def _get_broken_archive(error: ArchiveError) -> ArchiveBroken | None:
    return error if isinstance(error, ArchiveBroken) else None


def _describe_not_listed(symbol: str) -> str:
    return f"the exchange no longer lists {symbol}"
