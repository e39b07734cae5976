"""Where a day's candles come from: the daily archive for what is past, REST for the rest."""

from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import ArchiveError
from crypto_assets.exchange import Exchange
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window, now_ms
from crypto_assets.market.lake_object import Source

_MINUTES_A_DAY = DAY_MS // MINUTE_MS


@dataclass(frozen=True)
class Pull:
    """Closed rows of one day from one source, ascending; `fetched_at` in epoch ms."""

    source: Source
    rows: list[KlineRow]
    fetched_at: int


@dataclass(frozen=True)
class DayPulls:
    """All that was asked for one day; `note` says why the archive alone did not do."""

    pulls: list[Pull]
    note: str | None = None


def pull_day(exchange: Exchange, symbol: str, day: date, closed_before_ms: int) -> DayPulls:
    """A day's closed candles from the best source (truth rule 2).

    A day that is over comes from the archive. Where that is missing, broken or short, REST is
    asked as well, and its rows count where the archive lacks some. Raises ExchangeError.
    """
    window = Window.of_day(day)
    if window.end_ms > closed_before_ms:
        return DayPulls(_some(_pull_rest(exchange, symbol, window, closed_before_ms)))
    try:
        archived = Pull(Source.ARCHIVE, exchange.archive.day(symbol, day), now_ms())
    except ArchiveError as error:
        rest = _pull_rest(exchange, symbol, window, closed_before_ms)
        return DayPulls(_some(rest), str(error))
    missing = _MINUTES_A_DAY - len(_minutes(archived.rows))
    if not missing:
        return DayPulls([archived])
    rest = _pull_rest(exchange, symbol, window, closed_before_ms)
    added = len(_minutes(rest.rows) - _minutes(archived.rows))
    note = f"the archive lacks {missing} minutes, REST has {added} of them"
    return DayPulls([archived, rest] if added else [archived], note)


def pull_tail(
    exchange: Exchange, symbol: str, since_ms: int, closed_before_ms: int
) -> dict[date, DayPulls]:
    """Closed candles from `since_ms` on by REST, for each UTC day that has some."""
    window = Window(since_ms, closed_before_ms)
    days = {day: Window.of_day(day) for day in window.days()}
    rest = _pull_rest(exchange, symbol, window, closed_before_ms)
    return {
        day: DayPulls([Pull(rest.source, rows, rest.fetched_at)])
        for day, span in days.items()
        if (rows := [row for row in rest.rows if int(row[0]) in span])
    }


def _pull_rest(exchange: Exchange, symbol: str, window: Window, closed_before_ms: int) -> Pull:
    rows = exchange.rest.closed_klines(symbol, window, closed_before_ms)
    return Pull(Source.REST, rows, now_ms())


def _some(pull: Pull) -> list[Pull]:
    return [pull] if pull.rows else []


def _minutes(rows: list[KlineRow]) -> set[int]:
    return {int(row[0]) // MINUTE_MS for row in rows}
