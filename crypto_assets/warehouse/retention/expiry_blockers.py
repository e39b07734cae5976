"""The status of a UTC day of a symbol, and what keeps the day from expiring."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table, distinct, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import (
    DAY_MS,
    MINUTE_MS,
    MINUTES_PER_DAY,
    Window,
    day_of,
    floor_ms,
)
from crypto_assets.warehouse.catalog.lake_objects import match_objects
from crypto_assets.warehouse.engine.schema import (
    daily_klines,
    fact_klines,
    hourly_klines,
    kline_gaps,
    lake_objects,
    stale_hours,
)
from crypto_assets.warehouse.engine.time_filters import floor_to_day, match_window
from crypto_assets.warehouse.quality.gap_detection import MissingRange
from crypto_assets.warehouse.quality.gap_ledger import EXPLAINED_CLASSES, match_gaps

_NO_COUNTS = (0, 0, 0)


@dataclass(frozen=True)
class DayStatus:
    """How complete a day is; `start` and `last_changed_at` are in epoch ms.

    `minutes` are stored minutes, `candles` their candles, of which a minute may have two. The
    aggregates contain `candles_in_hours` and `candles_in_day` of them. `explained_minutes` are
    missing for a known reason. `last_changed_at` is the latest known fetch or load of the day.
    """

    start: int
    minutes: int
    candles: int
    candles_in_hours: int
    candles_in_day: int
    explained_minutes: int
    stale_hours: int
    unloaded_objects: int
    last_changed_at: int

    @property
    def missing_minutes(self) -> int:
        """The number of minutes that are neither stored nor explained."""
        return max(0, MINUTES_PER_DAY - self.minutes - self.explained_minutes)

    @property
    def incomplete_reason(self) -> str | None:
        """Why the minutes, the hours or the daily candle are not complete, None if all are."""
        return next(self._iter_reasons(), None)

    @property
    def incomplete_minutes_reason(self) -> str | None:
        """Why the minutes are neither complete nor explained, None if they are."""
        return next(self._iter_reasons(minutes_only=True), None)

    def _iter_reasons(self, *, minutes_only: bool = False) -> Iterator[str]:
        day = day_of(self.start)
        if self.unloaded_objects:
            yield f"{day}: {self.unloaded_objects} objects of the lake are not loaded"
        if self.stale_hours and not minutes_only:
            yield f"{day}: {self.stale_hours} hours are not computed"
        if self.missing_minutes:
            yield f"{day}: {self.missing_minutes} minutes are missing without an explanation"
        if minutes_only:
            return
        if self.candles_in_hours != self.candles:
            yield f"{day}: its hours are not built from all of its minutes"
        if self.candles_in_day != self.candles:
            yield f"{day}: its daily candle is not built from all of its minutes"


def read_day_statuses(
    connection: Connection, symbol: str, symbol_id: int, window: Window
) -> list[DayStatus]:
    """Read the status of each day of a window of whole UTC days, oldest first."""
    facts = _count_minutes(connection, symbol_id, window)
    in_hours = _count_aggregated_minutes(connection, hourly_klines, symbol_id, window)
    in_day = _count_aggregated_minutes(connection, daily_klines, symbol_id, window)
    stale = _count_stale_hours(connection, symbol_id, window)
    objects = _count_unloaded_objects(connection, symbol, window)
    explained = _count_explained_minutes(connection, symbol_id, window)
    return [
        DayStatus(
            start=start,
            minutes=facts.get(start, _NO_COUNTS)[0],
            candles=facts.get(start, _NO_COUNTS)[1],
            candles_in_hours=in_hours.get(start, 0),
            candles_in_day=in_day.get(start, 0),
            explained_minutes=explained.get(start, 0),
            stale_hours=stale.get(start, 0),
            unloaded_objects=objects.get(start, (0, 0))[0],
            last_changed_at=max(facts.get(start, _NO_COUNTS)[2], objects.get(start, (0, 0))[1]),
        )
        for start in range(window.start_ms, window.end_ms, DAY_MS)
    ]


def _count_minutes(
    connection: Connection, symbol_id: int, window: Window
) -> dict[int, tuple[int, int, int]]:
    """Count distinct minutes and candles, and find the latest fetch, by day."""
    opened = fact_klines.c.open_time
    rows = (
        select(
            floor_to_day(opened),
            (opened - opened % MINUTE_MS).label("minute"),
            fact_klines.c.fetched_at,
        )
        .where(*match_window(fact_klines, symbol_id, window))
        .subquery("minutes")
    )
    statement = select(
        rows.c.day,
        func.count(distinct(rows.c.minute)),
        func.count(),
        func.max(rows.c.fetched_at),
    ).group_by(rows.c.day)
    return {day: (minutes, rows, at) for day, minutes, rows, at in connection.execute(statement)}


def _count_aggregated_minutes(
    connection: Connection, table: Table, symbol_id: int, window: Window
) -> dict[int, int]:
    """Count the minutes that the candles of a table are computed from, by day."""
    rows = (
        select(floor_to_day(table.c.open_time), table.c.minute_count)
        .where(*match_window(table, symbol_id, window))
        .subquery("built")
    )
    statement = select(rows.c.day, func.sum(rows.c.minute_count)).group_by(rows.c.day)
    return {day: int(count) for day, count in connection.execute(statement)}


def _count_stale_hours(connection: Connection, symbol_id: int, window: Window) -> dict[int, int]:
    rows = (
        select(floor_to_day(stale_hours.c.open_time))
        .where(*match_window(stale_hours, symbol_id, window))
        .subquery("stale")
    )
    statement = select(rows.c.day, func.count()).group_by(rows.c.day)
    return {day: count for day, count in connection.execute(statement)}


def _count_unloaded_objects(
    connection: Connection, symbol: str, window: Window
) -> dict[int, tuple[int, int]]:
    """Count the unloaded objects of the catalog, and find the latest load, by day."""
    table = lake_objects.c
    rows = (
        select(floor_to_day(table.first_time), table.loaded_at)
        .where(*match_objects(symbol, ObjectKind.KLINES, window))
        .subquery("objects")
    )
    statement = select(
        rows.c.day, func.count() - func.count(rows.c.loaded_at), func.max(rows.c.loaded_at)
    ).group_by(rows.c.day)
    return {day: (unloaded, loaded or 0) for day, unloaded, loaded in connection.execute(statement)}


def _count_explained_minutes(
    connection: Connection, symbol_id: int, window: Window
) -> dict[int, int]:
    """Count the minutes of explained gaps by day; a gap may span several days."""
    table = kline_gaps.c
    statement = select(table.start, table.end).where(
        table.symbol_id == symbol_id,
        table.closed_at.is_(None),
        table["class"].in_(EXPLAINED_CLASSES),
        *match_gaps(window),
    )
    counts: dict[int, int] = {}
    for start, end in connection.execute(statement):
        gap = MissingRange(start, end).window & window
        for part in gap.split_by_day():
            opens = floor_ms(part.start_ms, DAY_MS)
            counts[opens] = counts.get(opens, 0) + part.minutes
    return counts
