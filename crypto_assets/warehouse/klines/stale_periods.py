"""Which hours and days wait to be computed anew."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from crypto_assets.market.utc_time import DAY_MS, Window, group_periods
from crypto_assets.warehouse.engine.schema import stale_hours
from crypto_assets.warehouse.engine.time_filters import match_window


def select_stale_hours(symbol_id: int, window: Window) -> Select[tuple[int]]:
    """Open times of the window's hours that are yet to be computed."""
    return select(stale_hours.c.open_time).where(
        *match_window(stale_hours, symbol_id, window), stale_hours.c.hour_done == 0
    )


def select_stale_of_symbols(symbol_ids: Sequence[int], window: Window) -> Select[tuple[int]]:
    """The same of several symbols."""
    opened = stale_hours.c.open_time
    return select(opened).where(
        stale_hours.c.symbol_id.in_(symbol_ids),
        opened >= window.start_ms,
        opened < window.end_ms,
        stale_hours.c.hour_done == 0,
    )


def mark_hours_computed(connection: Connection, symbol_id: int, window: Window) -> None:
    """The window's hours are computed; their days are not yet."""
    connection.execute(
        update(stale_hours)
        .where(*match_window(stale_hours, symbol_id, window), stale_hours.c.hour_done == 0)
        .values(hour_done=1)
    )


def select_computable_days(symbol_id: int, window: Window) -> Select[tuple[int]]:
    """Open times of the window's days of which hours were computed anew and none is waiting."""
    # Grouped by a column of its own: MySQL does not see that the expression is the one grouped by.
    day = (stale_hours.c.open_time - stale_hours.c.open_time % DAY_MS).label("open_time")
    days = (
        select(day, stale_hours.c.hour_done)
        .where(*match_window(stale_hours, symbol_id, window))
        .subquery("days")
    )
    return (
        select(days.c.open_time).group_by(days.c.open_time).having(func.min(days.c.hour_done) == 1)
    )


def clear_computed_days(connection: Connection, symbol_id: int, days: Sequence[int]) -> None:
    for run in group_periods(days, DAY_MS):
        connection.execute(delete(stale_hours).where(*match_window(stale_hours, symbol_id, run)))


def list_stale_symbol_ids(connection: Connection) -> list[int]:
    """Symbols with hours that are yet to be computed."""
    waiting = select(stale_hours.c.symbol_id).where(stale_hours.c.hour_done == 0).distinct()
    return list(connection.execute(waiting).scalars())


def select_stale_days(before_ms: int) -> Select[tuple[int, int]]:
    """Symbols by id, and open times of their days before an instant that are yet to be computed."""
    opened = stale_hours.c.open_time
    day = (opened - opened % DAY_MS).label("day")
    return select(stale_hours.c.symbol_id, day).where(opened < before_ms).distinct()


def list_ascending(connection: Connection, statement: Select[Any]) -> list[int]:
    return sorted(connection.execute(statement).scalars())
