"""Closes days: fetches each again when its archive file appears, and once more a week later.

What the second fetch changes is recorded as a revision; hours and days are recomputed.
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
from crypto_assets.pipeline.stages.store_raw import DayFetcher, StoredDay, store_days
from crypto_assets.pipeline.stages.symbol_status import find_end_ms
from crypto_assets.warehouse import Warehouse

_REPEAT_AFTER_DAYS = 7
# Older days are no longer closed: their archive file is not expected any more.
_MAX_AGE_DAYS = 31


@dataclass(frozen=True)
class DueFetch:
    """How a day is fetched; `is_repeat` marks the second fetch, a week after the day ended."""

    fetcher: DayFetcher
    is_repeat: bool = False


DueFetches = Mapping[date, DueFetch]


def list_due_days(context: PipelineContext) -> list[date]:
    """Yesterday, and the closed days that are due for any tracked symbol; oldest first."""
    closed_before = context.closed_before()
    due = {_previous_day(closed_before)}
    for symbol in context.warehouse.symbols.list_tracked():
        due |= plan_due_fetches(context.warehouse, symbol.name, closed_before).keys()
    return sorted(due)


def plan_due_fetches(warehouse: Warehouse, symbol: str, closed_before_ms: int) -> DueFetches:
    """Which closed days of a symbol are due, and how each is fetched.

    Yesterday and each day without an archive file: from the archive, and over REST too if minutes
    are missing. Days that are at least a week old and were fetched once: from the best source. None
    after the last day of a symbol that the exchange no longer lists.
    """
    if not _is_current(warehouse, symbol, closed_before_ms):
        return {}
    recent = _find_recent_window(warehouse, symbol, closed_before_ms)
    first = {
        day: _plan_first_fetch(warehouse, symbol, day)
        for day in _list_days_without_archive(warehouse, symbol, recent)
    }
    repeats = _list_unrepeated_days(warehouse, symbol, recent)
    return first | dict.fromkeys(repeats, DueFetch(fetch_day, is_repeat=True))


def close_days(pipeline: SymbolPipeline) -> Iterator[list[DayOutcome]]:
    """Fetch the due days of the pipeline's window, and take them through the later stages.

    Yields the outcomes of one calendar month at a time: of the days that were due, and of the
    symbol's last day, due or not. That is yesterday, unless the symbol ended before.
    """
    warehouse, symbol = pipeline.context.warehouse, pipeline.symbol
    _record_gaps_after_end(pipeline)
    if not _is_current(warehouse, symbol, pipeline.closed_before_ms):
        return
    due = plan_due_fetches(warehouse, symbol, pipeline.closed_before_ms)
    wanted = {*due, _find_last_day(warehouse, symbol, pipeline.closed_before_ms)}
    days = [day for day in pipeline.list_days() if day in wanted]
    for month in group_by_month(days):
        yield _close_month(pipeline, month, due)


def _record_gaps_after_end(pipeline: SymbolPipeline) -> None:
    """Extend the delisted gap of a symbol that has ended up to today."""
    end = find_end_ms(pipeline.context.warehouse, pipeline.symbol)
    if end is not None:
        after = Window(end, floor_ms(pipeline.closed_before_ms, DAY_MS))
        record_gaps(pipeline.context, pipeline.symbol, after, pipeline.closed_before_ms)


def _is_current(warehouse: Warehouse, symbol: str, closed_before_ms: int) -> bool:
    """Whether the symbol is tracked and its newest candle is recent.

    The rectangle of a run's partition keys may include an untracked symbol. A symbol that is far
    behind needs a backfill: its newest candle must not move past missing days.
    """
    if symbol not in {known.name for known in warehouse.symbols.list_tracked()}:
        return False
    newest = warehouse.watermarks.get_watermark(symbol).last_open_time
    today = floor_ms(closed_before_ms, DAY_MS)
    return newest is not None and today - newest <= INCREMENTAL_LIMIT_MS


def _close_month(
    pipeline: SymbolPipeline, days: Sequence[date], due: DueFetches
) -> list[DayOutcome]:
    stored = _fetch_due_days(pipeline, [day for day in days if day in due], due)
    outcomes = pipeline.load_stored_days(days, stored, resolve=True)
    _record_repeats(pipeline, due, stored, outcomes)
    later = [one for one in outcomes if one.stage is not KlinesStage.RAW]
    return _build_raw_outcomes(pipeline, days, stored) + later


def _fetch_due_days(
    pipeline: SymbolPipeline, days: Sequence[date], due: DueFetches
) -> list[StoredDay]:
    if KlinesStage.RAW not in pipeline.stages:
        return []
    started = [
        store_days(
            pipeline.context,
            pipeline.symbol,
            [day],
            pipeline.closed_before_ms,
            pipeline.pool,
            due[day].fetcher,
        )
        for day in days
    ]
    return [future.result() for futures in started for future in futures]


def _record_repeats(
    pipeline: SymbolPipeline,
    due: DueFetches,
    stored: Sequence[StoredDay],
    outcomes: Sequence[DayOutcome],
) -> None:
    """Record up to which day the due days have been repeated: to the first that is not done."""
    failed = {outcome.day for outcome in outcomes if outcome.error}
    done = {day.day for day in stored} - failed
    repeats = sorted(day for day, fetch in due.items() if fetch.is_repeat)
    for day in takewhile(lambda day: day in done, repeats):
        pipeline.context.warehouse.watermarks.set_reread_before(
            pipeline.symbol, Window.of_day(day).end_ms, pipeline.closed_before_ms
        )


def _build_raw_outcomes(
    pipeline: SymbolPipeline, days: Sequence[date], stored: Sequence[StoredDay]
) -> list[DayOutcome]:
    """What the lake holds of each day, fetched again or not."""
    if KlinesStage.RAW not in pipeline.stages:
        return []
    fetched = {day.day: day for day in stored}
    raw = [fetched.get(day, StoredDay(day)) for day in days]
    return [
        day.build_outcome(pipeline.symbol) if day.error else pipeline.build_lake_outcome(day)
        for day in raw
    ]


def _list_days_without_archive(warehouse: Warehouse, symbol: str, recent: Window) -> list[date]:
    """Days with objects in the manifest but no archive file, and the last day in any case."""
    objects = warehouse.lake_objects.list_in_window(symbol, ObjectKind.KLINES, recent)
    known = {day_of(item.first_time) for item in objects}
    archived = {day_of(item.first_time) for item in objects if item.source is Source.ARCHIVE}
    return sorted({*known, _previous_day(recent.end_ms)} - archived)


def _plan_first_fetch(warehouse: Warehouse, symbol: str, day: date) -> DueFetch:
    """From the archive alone if every minute of the day is stored or explained."""
    (status,) = warehouse.retention_candidates.list_day_statuses(symbol, Window.of_day(day))
    is_whole = status.minutes + status.explained_minutes >= MINUTES_PER_DAY
    return DueFetch(fetch_archived_day if is_whole else fetch_day)


def _list_unrepeated_days(warehouse: Warehouse, symbol: str, recent: Window) -> list[date]:
    """Days with minutes that are at least a week old and were not fetched a second time."""
    end = recent.end_ms - (_REPEAT_AFTER_DAYS - 1) * DAY_MS
    mark = warehouse.watermarks.get_reread_before(symbol)
    pending = recent & Window(end - DAY_MS if mark is None else mark, end)
    counts = warehouse.coverage.count_minutes_by_day(symbol, pending) if pending else {}
    return [day_of(start) for start, minutes in counts.items() if minutes]


def _find_recent_window(warehouse: Warehouse, symbol: str, closed_before_ms: int) -> Window:
    """The month of days that may be due: up to the symbol's last day, without expired ones."""
    today = floor_ms(closed_before_ms, DAY_MS)
    last = _find_last_day(warehouse, symbol, closed_before_ms)
    expired_before = warehouse.watermarks.get_watermark(symbol).purged_before or 0
    up_to_last = Window(today - _MAX_AGE_DAYS * DAY_MS, Window.of_day(last).end_ms)
    return up_to_last & Window(expired_before, today)


def _find_last_day(warehouse: Warehouse, symbol: str, closed_before_ms: int) -> date:
    """Yesterday, or the last day of a symbol that ended before."""
    yesterday, end = _previous_day(closed_before_ms), find_end_ms(warehouse, symbol)
    return yesterday if end is None else min(yesterday, day_of(end - 1))


def _previous_day(closed_before_ms: int) -> date:
    return day_of(floor_ms(closed_before_ms, DAY_MS) - 1)
