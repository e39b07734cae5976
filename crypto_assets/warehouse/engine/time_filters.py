"""Conditions and expressions over the time columns of tables, in epoch milliseconds."""

from sqlalchemy import ColumnElement, Table

from crypto_assets.market.utc_time import DAY_MS, Window

# Open times in the list of one statement: with many more the servers do not use the index.
KEYS_PER_STATEMENT = 2_000


def match_window(table: Table, symbol_id: int, window: Window) -> tuple[ColumnElement[bool], ...]:
    """Match a symbol's rows that open inside the window."""
    return table.c.symbol_id == symbol_id, *match_times(table.c.open_time, window)


def match_times(time: ColumnElement[int], window: Window) -> tuple[ColumnElement[bool], ...]:
    """Match the rows of which a time lies inside the window."""
    return time >= window.start_ms, time < window.end_ms


def floor_to_day(time: ColumnElement[int]) -> ColumnElement[int]:
    """Select the start of the UTC day in which a time lies, as the column `day`."""
    return (time - time % DAY_MS).label("day")
