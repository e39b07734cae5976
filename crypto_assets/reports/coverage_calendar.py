"""The coverage calendar: of every symbol and UTC day, whether it is complete, and if not, why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from crypto_assets.errors import WrongUse
from crypto_assets.market.utc_time import DAY_MS, Window, day_start_ms, floor_ms
from crypto_assets.reports.candle_periods import find_known_until
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quality.gap_ledger import Gap

MAX_CALENDAR_DAYS = 366


class DayState(StrEnum):
    COMPLETE = "complete"  # every minute is held; of today: every one so far
    OUTAGE = "outage"  # the ledger explains every missing minute
    OPEN = "open"  # minutes are missing that it may have
    NOT_LOADED = "not_loaded"  # nothing is held, and nobody has asked


@dataclass(frozen=True)
class DayCell:
    """One symbol's UTC day, in minutes: `held`, `explained` by the ledger, and `missing`."""

    state: DayState
    stored: int
    explained: int
    missing: int


@dataclass(frozen=True)
class CoverageCalendar:
    """`rows` has each tracked symbol's cells, one a day of `days`, oldest first."""

    days: tuple[date, ...]
    rows: dict[str, tuple[DayCell, ...]]


def build_coverage_calendar(
    warehouse: Warehouse, now_ms: int, first: date, last: date
) -> CoverageCalendar:
    """A row a day and the gaps of each tracked symbol. Raises WrongUse over `MAX_DAYS` days."""
    window = Window.of_days(first, last)
    if not 1 <= (last - first).days + 1 <= MAX_CALENDAR_DAYS:
        raise WrongUse(f"a calendar has 1 to {MAX_CALENDAR_DAYS} days, not {first} to {last}")
    return CoverageCalendar(
        tuple(window.iter_days()),
        {
            one.name: _build_symbol_row(warehouse, one.name, window, now_ms)
            for one in warehouse.symbols.list_tracked()
        },
    )


def _build_symbol_row(
    warehouse: Warehouse, symbol: str, window: Window, now_ms: int
) -> tuple[DayCell, ...]:
    until = find_known_until(warehouse, symbol) or 0
    held = warehouse.coverage.count_minutes_by_day(symbol, window)
    gaps = warehouse.gap_ledger.list_gaps(symbol, window)
    today = floor_ms(now_ms, DAY_MS)
    return tuple(
        _build_day_cell(held[start], gaps, _find_expected_window(start, today, until))
        for start in (day_start_ms(day) for day in window.iter_days())
    )


def _find_expected_window(start: int, today: int, until: int) -> Window:
    """The minutes that a day should have: of today as far as candles have come."""
    end = start + DAY_MS
    return Window(start, max(start, min(end, until)) if start >= today else end)


def _build_day_cell(held: int, gaps: Sequence[Gap], expected: Window) -> DayCell:
    explained = sum(
        _count_common_minutes(gap, expected) for gap in gaps if gap.gap_class.is_explained
    )
    missing = max(0, expected.minutes - held - explained)
    asked = any(_count_common_minutes(gap, expected) for gap in gaps)
    return DayCell(_classify_day(held, explained, missing, asked), held, explained, missing)


def _classify_day(held: int, explained: int, missing: int, asked: bool) -> DayState:
    if not held and not asked:
        return DayState.NOT_LOADED
    if missing:
        return DayState.OPEN
    return DayState.OUTAGE if explained else DayState.COMPLETE


def _count_common_minutes(gap: Gap, window: Window) -> int:
    return (gap.window & window).minutes
