"""Closing a day: it is read from its archive when that appears, and once more a week later.

What another reading changed stands in the record of revisions; hours and days follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import (
    DAY_MS,
    MINUTES_PER_DAY,
    Window,
    day_of,
    floor_ms,
    group_by_month,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.ingestion.tick_plan import INCREMENTAL_LIMIT_MS
from crypto_assets.pipeline.stages.fetch import fetch_archived_day, fetch_day
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.pipeline.stages.store_raw import (
    DayFetcher,
    StoredDay,
    build_raw_outcome,
    store_days,
)
from crypto_assets.pipeline.stages.symbol_status import find_end_ms

_REPEAT_AFTER_DAYS = 7
# An archive that has not come by then is not waited for; a week that was missed is made up for.
_MAX_AGE_DAYS = 31


@dataclass(frozen=True)
class DueFetch:
    """How a day is to be read; `again` for the second time, a week after it closed."""

    fetcher: DayFetcher
    is_repeat: bool = False


DueFetches = Mapping[date, DueFetch]


def list_due_days(platform: PipelineContext) -> list[date]:
    """The closed days of which some tracked symbol needs a reading, and yesterday; oldest first."""
    closed_before = platform.closed_before()
    due = {_previous_day(closed_before)}
    for symbol in platform.warehouse.symbols.list_tracked():
        due |= plan_due_fetches(platform, symbol.name, closed_before).keys()
    return sorted(due)


def plan_due_fetches(platform: PipelineContext, symbol: str, closed_before_ms: int) -> DueFetches:
    """Which closed days are to be read, and how; others need no reading.

    Yesterday and every day whose archive has not been read: the archive alone, unless minutes are
    missing. Days a week old that were not read since: from the best source. Of a symbol that is
    gone from the exchange's list none after its last.
    """
    if not _is_current(platform, symbol, closed_before_ms):
        return {}
    today = floor_ms(closed_before_ms, DAY_MS)
    purged = platform.warehouse.watermarks.get_watermark(symbol).purged_before or 0
    last = _find_last_day(platform, symbol, closed_before_ms)
    recent = Window(today - _MAX_AGE_DAYS * DAY_MS, Window.of_day(last).end_ms) & Window(
        purged, today
    )
    first = {
        day: _plan_first_fetch(platform, symbol, day)
        for day in _list_days_without_archive(platform, symbol, recent)
    }
    again = {
        day: DueFetch(fetch_day, is_repeat=True)
        for day in _list_unrepeated_days(platform, symbol, recent)
    }
    return first | again


def close_days(chain: SymbolPipeline) -> Iterator[list[DayOutcome]]:
    """Read again what is due of the chain's window, and bring it through to the days.

    Each item holds the outcomes of one calendar month: of the days that were due, and yesterday.
    Of a symbol that is gone from the exchange's list its last day stands for yesterday.
    """
    end = find_end_ms(chain.platform, chain.symbol)
    if end is not None:
        ended = Window(end, floor_ms(chain.closed_before_ms, DAY_MS))
        record_gaps(chain.platform, chain.symbol, ended, chain.closed_before_ms)
    if not _is_current(chain.platform, chain.symbol, chain.closed_before_ms):
        return
    due = plan_due_fetches(chain.platform, chain.symbol, chain.closed_before_ms)
    wanted = {*due, _find_last_day(chain.platform, chain.symbol, chain.closed_before_ms)}
    days = [day for day in chain.list_days() if day in wanted]
    for month in group_by_month(days):
        yield _close_month(chain, month, due)


def _is_current(platform: PipelineContext, symbol: str, closed_before_ms: int) -> bool:
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
    return (
        newest is not None and floor_ms(closed_before_ms, DAY_MS) - newest <= INCREMENTAL_LIMIT_MS
    )


def _close_month(chain: SymbolPipeline, days: Sequence[date], due: DueFetches) -> list[DayOutcome]:
    stored = _fetch_due_days(chain, [day for day in days if day in due], due)
    brought = chain.load_stored_days(days, stored, explain=True)
    failed = {outcome.day for outcome in brought if outcome.error}
    repeated = [day.day for day in stored if due[day.day].is_repeat and day.day not in failed]
    _record_repeated_days(chain, sorted(day for day in due if due[day].is_repeat), repeated)
    refused = [one for one in brought if one.error and one.stage is KlinesStage.RAW]
    unread = {one.day for one in refused}
    put = {one.day: one for one in stored}
    raw = [
        _build_lake_outcome(chain, put.get(day, StoredDay(day)))
        for day in days
        if day not in unread
    ]
    later = [one for one in brought if one.stage is not KlinesStage.RAW]
    return (raw if KlinesStage.RAW in chain.stages else []) + refused + later


def _fetch_due_days(
    chain: SymbolPipeline, days: Sequence[date], due: DueFetches
) -> list[StoredDay]:
    if KlinesStage.RAW not in chain.stages:
        return []
    begun = [
        store_days(
            chain.platform,
            chain.symbol,
            [day],
            chain.closed_before_ms,
            chain.pool,
            due[day].fetcher,
        )
        for day in days
    ]
    return [future.result() for futures in begun for future in futures]


def _record_repeated_days(
    chain: SymbolPipeline, pending: Sequence[date], done: Sequence[date]
) -> None:
    """Moves the mark over the days that are done, as long as none before them is pending."""
    for day in takewhile(lambda day: day in done, pending):
        chain.platform.warehouse.watermarks.set_reread_before(
            chain.symbol, Window.of_day(day).end_ms, chain.closed_before_ms
        )


def _build_lake_outcome(chain: SymbolPipeline, stored: StoredDay) -> DayOutcome:
    """What the lake holds of the day, read again or not."""
    held = chain.platform.warehouse.lake_objects.list_in_window(
        chain.symbol, ObjectKind.KLINES, Window.of_day(stored.day)
    )
    return build_raw_outcome(chain.symbol, stored, held)


def _list_days_without_archive(
    platform: PipelineContext, symbol: str, recent: Window
) -> list[date]:
    """Days of which something was loaded, but no archive; yesterday in any case."""
    objects = platform.warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, recent)
    known = {day_of(item.first_time) for item in objects}
    archived = {day_of(item.first_time) for item in objects if item.source is Source.ARCHIVE}
    return sorted({*known, _previous_day(recent.end_ms)} - archived)


def _plan_first_fetch(platform: PipelineContext, symbol: str, day: date) -> DueFetch:
    (stand,) = platform.warehouse.retention_candidates.list_day_statuses(symbol, Window.of_day(day))
    whole = stand.minutes + stand.explained_minutes >= MINUTES_PER_DAY
    return DueFetch(fetch_archived_day if whole else fetch_day)


def _list_unrepeated_days(platform: PipelineContext, symbol: str, recent: Window) -> list[date]:
    """Days a week old, and those before them, that have not been read a second time."""
    end = recent.end_ms - (_REPEAT_AFTER_DAYS - 1) * DAY_MS
    mark = platform.warehouse.watermarks.get_reread_before(symbol)
    pending = recent & Window(end - DAY_MS if mark is None else mark, end)
    held = platform.warehouse.coverage.count_minutes_by_day(symbol, pending) if pending else {}
    return [day_of(start) for start, minutes in held.items() if minutes]


def _find_last_day(platform: PipelineContext, symbol: str, closed_before_ms: int) -> date:
    """Yesterday, or the last day of a symbol that has ended before it."""
    yesterday, end = _previous_day(closed_before_ms), find_end_ms(platform, symbol)
    return yesterday if end is None else min(yesterday, day_of(end - 1))


def _previous_day(closed_before_ms: int) -> date:
    return day_of(floor_ms(closed_before_ms, DAY_MS) - 1)
