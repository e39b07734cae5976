"""Minutes without a candle, found in one ordered pass over a symbol's key."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from crypto_assets.market.clock import MINUTE_MS, Window, floor_ms
from crypto_assets.warehouse.schema import fact_klines


@dataclass(frozen=True, order=True)
class Hole:
    """First and last missing open time, epoch ms on whole minutes."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        return (self.end - self.start) // MINUTE_MS + 1


def find_holes(
    connection: Connection, symbol_id: int, window: Window, within: Window
) -> list[Hole]:
    """Every hole that touches the window, at its full length, as far as `within` reaches.

    A minute is present where a candle's open time, rounded down, lies on it: candles that start
    seconds late, and two in one minute, make no hole.
    """
    if not window:
        return []
    before = _neighbour(connection, symbol_id, Window(within.start_ms, window.start_ms), last=True)
    after = _neighbour(connection, symbol_id, Window(window.end_ms, within.end_ms), last=False)
    left = within.start_ms - MINUTE_MS if before is None else before
    right = _ceiling(within.end_ms) if after is None else after
    first = _neighbour(connection, symbol_id, window, last=False)
    last = _neighbour(connection, symbol_id, window, last=True)
    if first is None or last is None:
        edges = [(left, right)]
    else:
        edges = [(left, first), *_jumps(connection, symbol_id, window), (last, right)]
    return [hole for hole in _between(edges) if _touches(hole, window)]


def _jumps(connection: Connection, symbol_id: int, window: Window) -> list[tuple[int, int]]:
    """Neighbouring minutes inside the window that are not neighbours on the clock."""
    minute = _minute()
    steps = (
        select(
            minute.label("minute"),
            func.lag(minute).over(order_by=fact_klines.c.open_time).label("previous"),
        )
        .where(*_inside(symbol_id, window))
        .subquery()
    )
    statement = (
        select(steps.c.previous, steps.c.minute)
        .where(steps.c.minute - steps.c.previous > MINUTE_MS)
        .order_by(steps.c.minute)
    )
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _neighbour(connection: Connection, symbol_id: int, window: Window, *, last: bool) -> int | None:
    extreme = func.max if last else func.min
    statement = select(extreme(fact_klines.c.open_time)).where(*_inside(symbol_id, window))
    found = connection.execute(statement).scalar()
    return None if found is None else floor_ms(int(found), MINUTE_MS)


def _inside(symbol_id: int, window: Window) -> tuple[ColumnElement[bool], ...]:
    return (
        fact_klines.c.symbol_id == symbol_id,
        fact_klines.c.open_time >= window.start_ms,
        fact_klines.c.open_time < window.end_ms,
    )


def _minute() -> ColumnElement[int]:
    return fact_klines.c.open_time - fact_klines.c.open_time % MINUTE_MS


def _ceiling(ms: int) -> int:
    return floor_ms(ms + MINUTE_MS - 1, MINUTE_MS)


def _between(edges: Iterable[tuple[int, int]]) -> list[Hole]:
    """What lies between two present minutes, where anything does."""
    return [
        Hole(left + MINUTE_MS, right - MINUTE_MS)
        for left, right in edges
        if right - left > MINUTE_MS
    ]


def _touches(hole: Hole, window: Window) -> bool:
    return hole.start < window.end_ms and hole.end >= floor_ms(window.start_ms, MINUTE_MS)
