"""Minutes without a candle, found in one ordered pass over a symbol's key."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, Select, and_, func, not_, or_, select

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    MINUTES_PER_HOUR,
    Window,
    floor_ms,
    merge_windows,
)
from crypto_assets.warehouse.engine.schema import fact_klines
from crypto_assets.warehouse.engine.time_filters import match_window

# Up to here the minutes are looked at one by one at once.
_SHORT_WINDOW_MS = 2 * DAY_MS


@dataclass(frozen=True, order=True)
class MissingRange:
    """First and last missing open time, epoch ms on whole minutes."""

    start: int
    end: int

    @classmethod
    def from_window(cls, window: Window) -> Self:
        return cls(window.start_ms, window.end_ms - MINUTE_MS)

    @property
    def window(self) -> Window:
        return Window(self.start, self.end + MINUTE_MS)

    @property
    def minutes(self) -> int:
        return self.window.minutes


def find_missing_ranges(
    connection: Connection, symbol_id: int, window: Window, within: Window
) -> list[MissingRange]:
    """Every hole that touches the window, at its full length, as far as `within` reaches.

    A minute is present where a candle's open time, rounded down, lies on it: candles that start
    seconds late, and two in one minute, make no hole.
    """
    if not window:
        return []
    before = _find_nearest_minute(
        connection, symbol_id, Window(within.start_ms, window.start_ms), last=True
    )
    after = _find_nearest_minute(
        connection, symbol_id, Window(window.end_ms, within.end_ms), last=False
    )
    left = within.start_ms - MINUTE_MS if before is None else before
    right = Interval.M1.ceil(within.end_ms) if after is None else after
    first = _find_nearest_minute(connection, symbol_id, window, last=False)
    last = _find_nearest_minute(connection, symbol_id, window, last=True)
    if first is None or last is None:
        edges = [(left, right)]
    else:
        edges = [(left, first), *_find_jumps(connection, symbol_id, window), (last, right)]
    return [hole for hole in _ranges_between(edges) if _touches_window(hole, window)]


def _find_jumps(connection: Connection, symbol_id: int, window: Window) -> list[tuple[int, int]]:
    """Neighbouring minutes inside the window that are not neighbours on the clock."""
    suspects = [window]
    if window.duration_ms > _SHORT_WINDOW_MS:
        suspects = _find_incomplete_hours(connection, symbol_id, window)
    return [
        jump
        for suspect in suspects
        for jump in _find_irregular_steps(connection, symbol_id, suspect)
    ]


def _find_incomplete_hours(connection: Connection, symbol_id: int, window: Window) -> list[Window]:
    """Parts of the window outside of which every hour has all its sixty minutes.

    Sixty open times on whole minutes are all of an hour's. Counting them by the hour costs the
    server half of looking from each minute to the next, and there are few hours to look closer at.
    Parts reach a minute further, to where the next complete hour begins.
    """
    hours = _select_hour_counts(symbol_id, window).subquery("hours")
    before = func.lag(hours.c.hour).over(order_by=hours.c.hour)
    steps = select(hours, before.label("previous")).subquery("steps")
    whole = and_(steps.c.rows == MINUTES_PER_HOUR, steps.c.off == 0)
    statement = (
        select(func.coalesce(steps.c.previous, steps.c.hour), steps.c.hour, whole.label("whole"))
        .where(or_(not_(whole), steps.c.hour - steps.c.previous > HOUR_MS))
        .order_by(steps.c.hour)
    )
    found = []
    for previous, start, complete in connection.execute(statement):
        jumped = start - previous > HOUR_MS
        first = previous if jumped else start
        last = start if complete else start + HOUR_MS
        found.append(Window(first - MINUTE_MS, last + MINUTE_MS) & window)
    return list(merge_windows(found))


def _select_hour_counts(symbol_id: int, window: Window) -> Select[Any]:
    """Of each hour with candles: how many, and how far off the minute one of them opens."""
    opened = fact_klines.c.open_time
    minutes = (
        select((opened - opened % HOUR_MS).label("hour"), (opened % MINUTE_MS).label("off"))
        .where(*match_window(fact_klines, symbol_id, window))
        .subquery("minutes")
    )
    return select(
        minutes.c.hour, func.count().label("rows"), func.max(minutes.c.off).label("off")
    ).group_by(minutes.c.hour)


def _find_irregular_steps(
    connection: Connection, symbol_id: int, window: Window
) -> list[tuple[int, int]]:
    """Rows that do not open exactly a minute after the one before, as whole minutes."""
    opened = fact_klines.c.open_time
    steps = (
        select(opened.label("opened"), func.lag(opened).over(order_by=opened).label("previous"))
        .where(*match_window(fact_klines, symbol_id, window))
        .subquery()
    )
    statement = (
        select(steps.c.previous, steps.c.opened)
        .where(steps.c.opened - steps.c.previous != MINUTE_MS)
        .order_by(steps.c.opened)
    )
    return [
        (floor_ms(previous, MINUTE_MS), floor_ms(start, MINUTE_MS))
        for previous, start in connection.execute(statement)
    ]


def _find_nearest_minute(
    connection: Connection, symbol_id: int, window: Window, *, last: bool
) -> int | None:
    extreme = func.max if last else func.min
    statement = select(extreme(fact_klines.c.open_time)).where(
        *match_window(fact_klines, symbol_id, window)
    )
    found = connection.execute(statement).scalar()
    return None if found is None else floor_ms(int(found), MINUTE_MS)


def _ranges_between(edges: Iterable[tuple[int, int]]) -> list[MissingRange]:
    """What lies between two present minutes, where anything does."""
    return [
        MissingRange(left + MINUTE_MS, right - MINUTE_MS)
        for left, right in edges
        if right - left > MINUTE_MS
    ]


def _touches_window(hole: MissingRange, window: Window) -> bool:
    return hole.start < window.end_ms and hole.end >= floor_ms(window.start_ms, MINUTE_MS)
