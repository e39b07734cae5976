"""Which hours and days are stale: their candles must be recomputed.

A row of `stale_hours` is an hour whose minutes have changed. `hour_done` is 0 until the hour is
recomputed; then the row marks the hour's day as stale, and is deleted when the day is recomputed.
Loading and restoring minutes mark hours as stale; `aggregates` recomputes them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, delete, func, select, update

from crypto_assets.market.utc_time import DAY_MS, Window, group_periods
from crypto_assets.warehouse.engine import bulk_load
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import stale_hours
from crypto_assets.warehouse.engine.time_filters import match_times, match_window


def mark_hours_stale(
    database: Database, connection: Connection, symbol_id: int, hours: NDArray[np.int64]
) -> None:
    """Mark the hours that open at these times (epoch ms) as stale."""
    rows = pa.table(
        {
            "symbol_id": pa.repeat(symbol_id, len(hours)),
            "open_time": pa.array(hours, pa.int64()),
            "hour_done": pa.repeat(0, len(hours)),
        }
    )
    bulk_load.write_rows(database, connection, stale_hours, rows, replace=True)


def select_stale_hours(symbol_id: int, window: Window) -> Select[tuple[int]]:
    """Select the open times of the stale hours of a window."""
    return select(stale_hours.c.open_time).where(
        *match_window(stale_hours, symbol_id, window), stale_hours.c.hour_done == 0
    )


def select_stale_of_symbols(symbol_ids: Sequence[int], window: Window) -> Select[tuple[int]]:
    """Select the open times of the stale hours of several symbols in a window."""
    opened = stale_hours.c.open_time
    return select(opened).where(
        stale_hours.c.symbol_id.in_(symbol_ids),
        *match_times(opened, window),
        stale_hours.c.hour_done == 0,
    )


def mark_hours_computed(connection: Connection, symbol_id: int, window: Window) -> None:
    """Mark the stale hours of a window as computed; their days stay stale."""
    connection.execute(
        update(stale_hours)
        .where(*match_window(stale_hours, symbol_id, window), stale_hours.c.hour_done == 0)
        .values(hour_done=1)
    )


def select_computable_days(symbol_id: int, window: Window) -> Select[tuple[int]]:
    """Select the open times of the stale days of a window that have no stale hour left."""
    # Grouped by a column of a subquery: MySQL does not recognize the expression in GROUP BY.
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
    """Delete the rows of days, given by their open times in ascending order."""
    for window in group_periods(days, DAY_MS):
        connection.execute(delete(stale_hours).where(*match_window(stale_hours, symbol_id, window)))


def select_stale_days(before_ms: int) -> Select[tuple[int, int]]:
    """Select symbol id and open time of the days with a stale hour or day before an instant."""
    opened = stale_hours.c.open_time
    day = (opened - opened % DAY_MS).label("day")
    return select(stale_hours.c.symbol_id, day).where(opened < before_ms).distinct()


def list_ascending(connection: Connection, statement: Select[Any]) -> list[int]:
    """Return the single column that a statement selects, sorted."""
    return sorted(connection.execute(statement).scalars())
