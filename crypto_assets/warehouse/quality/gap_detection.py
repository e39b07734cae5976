"""Finds minutes without a candle in one ordered pass over a symbol's key."""

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

# A window of at most this length is searched minute by minute right away.
_SHORT_WINDOW_MS = 2 * DAY_MS


@dataclass(frozen=True, order=True)
class MissingRange:
    """The first and the last open time of consecutive missing minutes, in epoch ms."""

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
    """Find the missing ranges that touch the window, each whole, as far as `within` extends.

    A minute is present if the open time of a candle, rounded down, equals it. So a candle that
    opens some seconds late is not missing, and neither is a minute with two candles.
    """
    if not window:
        return []
    before = _find_nearest_minute(
        connection, symbol_id, Window(within.start_ms, window.start_ms), last=True
    )
    after = _find_nearest_minute(
        connection, symbol_id, Window(window.end_ms, within.end_ms), last=False
    )
    left_edge = within.start_ms - MINUTE_MS if before is None else before
    right_edge = Interval.M1.ceil(within.end_ms) if after is None else after
    first = _find_nearest_minute(connection, symbol_id, window, last=False)
    last = _find_nearest_minute(connection, symbol_id, window, last=True)
    if first is None or last is None:
        edges = [(left_edge, right_edge)]
    else:
        jumps = _find_jumps(connection, symbol_id, window)
        edges = [(left_edge, first), *jumps, (last, right_edge)]
    return [part for part in _list_ranges_between(edges) if _touches_window(part, window)]


def _find_jumps(connection: Connection, symbol_id: int, window: Window) -> list[tuple[int, int]]:
    """Find consecutive stored minutes of the window that are more than a minute apart."""
    suspects = [window]
    if window.duration_ms > _SHORT_WINDOW_MS:
        suspects = _find_incomplete_hours(connection, symbol_id, window)
    return [
        jump
        for suspect in suspects
        for jump in _find_irregular_steps(connection, symbol_id, suspect)
    ]


def _find_incomplete_hours(connection: Connection, symbol_id: int, window: Window) -> list[Window]:
    """Find parts of the window that contain every hour with fewer than sixty minutes.

    An hour with sixty open times, all on whole minutes, is complete. Counting rows per hour takes
    a server half the time of comparing each minute with the next, and few hours remain to be
    searched. Each part extends by a minute at both ends, into the adjacent complete hours.
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
    parts = []
    for previous, start, complete in connection.execute(statement):
        jumped = start - previous > HOUR_MS
        first = previous if jumped else start
        last = start if complete else start + HOUR_MS
        parts.append(Window(first - MINUTE_MS, last + MINUTE_MS) & window)
    return list(merge_windows(parts))


def _select_hour_counts(symbol_id: int, window: Window) -> Select[Any]:
    """Select each hour with candles: their number, and how late one of them opens at most."""
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
    """Find rows that do not open exactly one minute after the previous one, as whole minutes."""
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
    """Find the first, or the last, minute stored in the window."""
    extreme = func.max if last else func.min
    statement = select(extreme(fact_klines.c.open_time)).where(
        *match_window(fact_klines, symbol_id, window)
    )
    open_time = connection.execute(statement).scalar()
    return None if open_time is None else floor_ms(int(open_time), MINUTE_MS)


def _list_ranges_between(edges: Iterable[tuple[int, int]]) -> list[MissingRange]:
    """List what lies between pairs of present minutes, without empty ranges."""
    return [
        MissingRange(left + MINUTE_MS, right - MINUTE_MS)
        for left, right in edges
        if right - left > MINUTE_MS
    ]


def _touches_window(part: MissingRange, window: Window) -> bool:
    return part.start < window.end_ms and part.end >= floor_ms(window.start_ms, MINUTE_MS)
