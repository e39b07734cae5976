"""The coverage calendar: the state of each UTC day of each tracked symbol."""

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
    COMPLETE = "complete"  # every expected minute is stored
    OUTAGE = "outage"  # the ledger explains every missing minute
    OPEN = "open"  # minutes are missing that the exchange may have
    NOT_LOADED = "not_loaded"  # nothing is stored, and the ledger has no entry


@dataclass(frozen=True)
class DayCell:
    """The state of a symbol's UTC day; minutes are stored, explained by the ledger, or missing."""

    state: DayState
    stored: int
    explained: int
    missing: int

    @property
    def requested(self) -> int:
        """The minutes that the day should have, 0 if nothing of it was ever requested."""
        if self.state is DayState.NOT_LOADED:
            return 0
        return self.stored + self.explained + self.missing

    @property
    def requested_missing(self) -> int:
        """The missing minutes, 0 if nothing of the day was ever requested."""
        return 0 if self.state is DayState.NOT_LOADED else self.missing


@dataclass(frozen=True)
class CoverageCalendar:
    """`rows` maps each tracked symbol to its cells, one for each of `days`, oldest first.

    `open_gaps` counts the gaps of these days that the ledger does not explain.
    """

    days: tuple[date, ...]
    rows: dict[str, tuple[DayCell, ...]]
    open_gaps: int = 0

    def count_days(self, state: DayState) -> int:
        """Count the days of all symbols in a state."""
        return sum(cell.state is state for row in self.rows.values() for cell in row)

    @property
    def missing_minutes(self) -> int:
        """Unexplained minutes of the days that are loaded, or of which the ledger has a gap."""
        return sum(cell.requested_missing for row in self.rows.values() for cell in row)

    def compute_shares(self) -> dict[str, float]:
        """Return the share, 0 to 1, of each symbol's requested minutes that need nothing.

        They are stored or explained. Days that are not loaded count neither way, and a symbol
        without any other day is left out.
        """
        shares = {}
        for symbol, row in self.rows.items():
            expected = sum(cell.requested for cell in row)
            if expected:
                shares[symbol] = 1 - sum(cell.requested_missing for cell in row) / expected
        return shares


def build_coverage_calendar(
    warehouse: Warehouse, now_ms: int, first: date, last: date
) -> CoverageCalendar:
    """Build the calendar from one row per day and the gaps of each tracked symbol.

    Both ends are inclusive. Raises WrongUse for an empty range or more than MAX_CALENDAR_DAYS days.
    """
    window = Window.of_days(first, last)
    if not 1 <= (last - first).days + 1 <= MAX_CALENDAR_DAYS:
        raise WrongUse(f"a calendar has 1 to {MAX_CALENDAR_DAYS} days, not {first} to {last}")
    gaps = {
        symbol.name: warehouse.gap_ledger.list_gaps(symbol.name, window, from_replica=True)
        for symbol in warehouse.symbols.list_tracked()
    }
    return CoverageCalendar(
        tuple(window.iter_days()),
        {
            name: _build_symbol_row(warehouse, name, window, of_symbol, now_ms)
            for name, of_symbol in gaps.items()
        },
        sum(not gap.gap_class.is_explained for of_symbol in gaps.values() for gap in of_symbol),
    )


def _build_symbol_row(
    warehouse: Warehouse, symbol: str, window: Window, gaps: Sequence[Gap], now_ms: int
) -> tuple[DayCell, ...]:
    known_until = find_known_until(warehouse, symbol) or 0
    stored = warehouse.coverage.count_minutes_by_day(symbol, window)
    today = floor_ms(now_ms, DAY_MS)
    return tuple(
        _build_day_cell(stored[start], gaps, _find_expected_window(start, today, known_until))
        for start in (day_start_ms(day) for day in window.iter_days())
    )


def _find_expected_window(start: int, today: int, known_until: int) -> Window:
    """Return the minutes that a day should have; for today, only those before `known_until`."""
    end = start + DAY_MS
    return Window(start, max(start, min(end, known_until)) if start >= today else end)


def _build_day_cell(stored: int, gaps: Sequence[Gap], expected: Window) -> DayCell:
    explained = sum(
        _count_common_minutes(gap, expected) for gap in gaps if gap.gap_class.is_explained
    )
    missing = max(0, expected.minutes - stored - explained)
    has_gap = any(_count_common_minutes(gap, expected) for gap in gaps)
    return DayCell(_classify_day(stored, explained, missing, has_gap), stored, explained, missing)


def _classify_day(stored: int, explained: int, missing: int, has_gap: bool) -> DayState:
    if not stored and not has_gap:
        return DayState.NOT_LOADED
    if missing:
        return DayState.OPEN
    return DayState.OUTAGE if explained else DayState.COMPLETE


def _count_common_minutes(gap: Gap, window: Window) -> int:
    return (gap.window & window).minutes
