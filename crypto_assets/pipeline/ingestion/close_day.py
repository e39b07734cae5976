"""Closing a day: it is read from its archive when that appears, and once more a week later.

What another reading changed stands in the record of revisions; hours and days follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, takewhile

from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, day_of, floor_ms
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.gaps.resolve_gaps import note_holes
from crypto_assets.pipeline.ingestion.symbol_pipeline import Chain
from crypto_assets.pipeline.ingestion.tick_plan import TAIL_MS
from crypto_assets.pipeline.stages.fetch import pull_archived, pull_day
from crypto_assets.pipeline.stages.results import DayOutcome, Stage
from crypto_assets.pipeline.stages.store_raw import PullDay, StoredDay, raw_outcome, store_days
from crypto_assets.pipeline.stages.symbol_status import end_of

_AGAIN_AFTER_DAYS = 7
# An archive that has not come by then is not waited for; a week that was missed is made up for.
_LATEST_DAYS = 31
_MINUTES_A_DAY = DAY_MS // MINUTE_MS


@dataclass(frozen=True)
class Reading:
    """How a day is to be read; `again` for the second time, a week after it closed."""

    pull: PullDay
    again: bool = False


Readings = Mapping[date, Reading]


def due_days(platform: Platform) -> list[date]:
    """The closed days of which some tracked symbol needs a reading, and yesterday; oldest first."""
    closed_before = platform.closed_before()
    due = {_yesterday(closed_before)}
    for symbol in platform.warehouse.symbols.list_tracked():
        due |= readings(platform, symbol.name, closed_before).keys()
    return sorted(due)


def readings(platform: Platform, symbol: str, closed_before_ms: int) -> Readings:
    """Which closed days are to be read, and how; others need no reading.

    Yesterday and every day whose archive has not been read: the archive alone, unless minutes are
    missing. Days a week old that were not read since: from the best source. Of a symbol that is
    gone from the exchange's list none after its last.
    """
    if not _is_followed(platform, symbol, closed_before_ms):
        return {}
    today = floor_ms(closed_before_ms, DAY_MS)
    purged = platform.warehouse.watermarks.get_watermark(symbol).purged_before or 0
    last = _last_day(platform, symbol, closed_before_ms)
    recent = Window(today - _LATEST_DAYS * DAY_MS, Window.of_day(last).end_ms) & Window(
        purged, today
    )
    first = {
        day: _first_reading(platform, symbol, day) for day in _unread(platform, symbol, recent)
    }
    again = {day: Reading(pull_day, again=True) for day in _unrepeated(platform, symbol, recent)}
    return first | again


def close_days(chain: Chain) -> Iterator[list[DayOutcome]]:
    """Read again what is due of the chain's window, and bring it through to the days.

    Each item holds the outcomes of one calendar month: of the days that were due, and yesterday.
    Of a symbol that is gone from the exchange's list its last day stands for yesterday.
    """
    end = end_of(chain.platform, chain.symbol)
    if end is not None:
        ended = Window(end, floor_ms(chain.closed_before_ms, DAY_MS))
        note_holes(chain.platform, chain.symbol, ended, chain.closed_before_ms)
    if not _is_followed(chain.platform, chain.symbol, chain.closed_before_ms):
        return
    due = readings(chain.platform, chain.symbol, chain.closed_before_ms)
    wanted = {*due, _last_day(chain.platform, chain.symbol, chain.closed_before_ms)}
    days = [day for day in chain.days() if day in wanted]
    for _, chunk in groupby(days, key=lambda day: (day.year, day.month)):
        yield _close(chain, list(chunk), due)


def _is_followed(platform: Platform, symbol: str, closed_before_ms: int) -> bool:
    """Whether days of the symbol are there to be closed.

    A run's rectangle of keys may span one that is retired. One that is far behind is a backfill's
    work: its newest candle must not jump over days that are missing.
    """
    tracked = {known.name for known in platform.warehouse.symbols.list_tracked()}
    newest = (
        platform.warehouse.watermarks.get_watermark(symbol).last_open_time
        if symbol in tracked
        else None
    )
    return newest is not None and floor_ms(closed_before_ms, DAY_MS) - newest <= TAIL_MS


def _close(chain: Chain, days: Sequence[date], due: Readings) -> list[DayOutcome]:
    stored = _read(chain, [day for day in days if day in due], due)
    brought = chain.bring(days, stored, explain=True)
    failed = {outcome.day for outcome in brought if outcome.error}
    repeated = [day.day for day in stored if due[day.day].again and day.day not in failed]
    _note_repeated(chain, sorted(day for day in due if due[day].again), repeated)
    refused = [one for one in brought if one.error and one.stage is Stage.RAW]
    unread = {one.day for one in refused}
    put = {one.day: one for one in stored}
    raw = [_raw_outcome(chain, put.get(day, StoredDay(day))) for day in days if day not in unread]
    later = [one for one in brought if one.stage is not Stage.RAW]
    return (raw if Stage.RAW in chain.stages else []) + refused + later


def _read(chain: Chain, days: Sequence[date], due: Readings) -> list[StoredDay]:
    if Stage.RAW not in chain.stages:
        return []
    begun = [
        store_days(
            chain.platform, chain.symbol, [day], chain.closed_before_ms, chain.pool, due[day].pull
        )
        for day in days
    ]
    return [future.result() for futures in begun for future in futures]


def _note_repeated(chain: Chain, pending: Sequence[date], done: Sequence[date]) -> None:
    """Moves the mark over the days that are done, as long as none before them is pending."""
    for day in takewhile(lambda day: day in done, pending):
        chain.platform.warehouse.watermarks.set_reread_before(
            chain.symbol, Window.of_day(day).end_ms, chain.closed_before_ms
        )


def _raw_outcome(chain: Chain, stored: StoredDay) -> DayOutcome:
    """What the lake holds of the day, read again or not."""
    held = chain.platform.warehouse.lake_objects.list_in_window(
        chain.symbol, ObjectKind.KLINES, Window.of_day(stored.day)
    )
    return raw_outcome(chain.symbol, stored, held)


def _unread(platform: Platform, symbol: str, recent: Window) -> list[date]:
    """Days of which something was loaded, but no archive; yesterday in any case."""
    objects = platform.warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, recent)
    known = {day_of(item.first_time) for item in objects}
    archived = {day_of(item.first_time) for item in objects if item.source is Source.ARCHIVE}
    return sorted({*known, _yesterday(recent.end_ms)} - archived)


def _first_reading(platform: Platform, symbol: str, day: date) -> Reading:
    (stand,) = platform.warehouse.retention_candidates.list_day_statuses(symbol, Window.of_day(day))
    whole = stand.minutes + stand.explained_minutes >= _MINUTES_A_DAY
    return Reading(pull_archived if whole else pull_day)


def _unrepeated(platform: Platform, symbol: str, recent: Window) -> list[date]:
    """Days a week old, and those before them, that have not been read a second time."""
    end = recent.end_ms - (_AGAIN_AFTER_DAYS - 1) * DAY_MS
    mark = platform.warehouse.watermarks.get_reread_before(symbol)
    pending = recent & Window(end - DAY_MS if mark is None else mark, end)
    held = platform.warehouse.coverage.count_minutes_by_day(symbol, pending) if pending else {}
    return [day_of(start) for start, minutes in held.items() if minutes]


def _last_day(platform: Platform, symbol: str, closed_before_ms: int) -> date:
    """Yesterday, or the last day of a symbol that has ended before it."""
    yesterday, end = _yesterday(closed_before_ms), end_of(platform, symbol)
    return yesterday if end is None else min(yesterday, day_of(end - 1))


def _yesterday(closed_before_ms: int) -> date:
    return day_of(floor_ms(closed_before_ms, DAY_MS) - 1)
