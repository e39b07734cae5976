"""How one UTC day of a symbol stands: its minutes, what is built of them, what is explained."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, distinct, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, isoformat
from crypto_assets.warehouse.engine.schema import (
    daily_klines,
    fact_klines,
    hourly_klines,
    kline_gaps,
    lake_objects,
    stale_hours,
)
from crypto_assets.warehouse.klines.stale_periods import inside
from crypto_assets.warehouse.quality.gap_ledger import EXPLAINED_CLASSES

_MINUTES_A_DAY = DAY_MS // MINUTE_MS
_NONE = (0, 0, 0)


@dataclass(frozen=True)
class DayStand:
    """Counts of minutes held and explained as missing; of their candles, two of which may lie in
    one minute, held, in the hours and in the day's candle.

    `stale_hours` wait to be computed, `unloaded` objects to be loaded. `touched_at`, epoch ms, is
    when the day was last fetched or loaded, as far as rows and manifest still say.
    """

    start: int
    minutes: int
    candles: int
    in_hours: int
    in_day: int
    explained: int
    stale_hours: int
    unloaded: int
    touched_at: int

    @property
    def end(self) -> int:
        return self.start + DAY_MS

    @property
    def unfinished(self) -> str | None:
        """Why the day is not complete or explained, None where it is."""
        missing = _MINUTES_A_DAY - self.minutes - self.explained
        reasons = {
            f"{self.unloaded} objects of the lake are not loaded": self.unloaded,
            f"{self.stale_hours} hours are not computed": self.stale_hours,
            f"{missing} minutes are missing without an explanation": missing > 0,
            "its hours are not built from all of its minutes": self.in_hours != self.candles,
            "its daily candle is not built from all of its minutes": self.in_day != self.candles,
        }
        found = [reason for reason, holds in reasons.items() if holds]
        return f"{isoformat(self.start)[:10]}: {found[0]}" if found else None


def day_stands(
    connection: Connection, symbol: str, symbol_id: int, window: Window
) -> list[DayStand]:
    """Of each day of a window of whole UTC days, oldest first."""
    facts = _facts(connection, symbol_id, window)
    in_hours = _built(connection, hourly_klines, symbol_id, window)
    in_day = _built(connection, daily_klines, symbol_id, window)
    waiting = _waiting(connection, symbol_id, window)
    objects = _objects(connection, symbol, window)
    explained = _explained(connection, symbol_id, window)
    return [
        DayStand(
            start=start,
            minutes=facts.get(start, _NONE)[0],
            candles=facts.get(start, _NONE)[1],
            in_hours=in_hours.get(start, 0),
            in_day=in_day.get(start, 0),
            explained=explained.get(start, 0),
            stale_hours=waiting.get(start, 0),
            unloaded=objects.get(start, (0, 0))[0],
            touched_at=max(facts.get(start, _NONE)[2], objects.get(start, (0, 0))[1]),
        )
        for start in range(window.start_ms, window.end_ms, DAY_MS)
    ]


def _facts(
    connection: Connection, symbol_id: int, window: Window
) -> dict[int, tuple[int, int, int]]:
    """Distinct minutes, candles and latest fetch by day."""
    opened = fact_klines.c.open_time
    rows = (
        select(
            _day(opened), (opened - opened % MINUTE_MS).label("minute"), fact_klines.c.fetched_at
        )
        .where(*inside(fact_klines, symbol_id, window))
        .subquery("minutes")
    )
    statement = select(
        rows.c.day,
        func.count(distinct(rows.c.minute)),
        func.count(),
        func.max(rows.c.fetched_at),
    ).group_by(rows.c.day)
    return {day: (minutes, rows, at) for day, minutes, rows, at in connection.execute(statement)}


def _built(connection: Connection, table: Table, symbol_id: int, window: Window) -> dict[int, int]:
    """Minutes that a day's candles of a table are built from."""
    rows = (
        select(_day(table.c.open_time), table.c.minute_count)
        .where(*inside(table, symbol_id, window))
        .subquery("built")
    )
    statement = select(rows.c.day, func.sum(rows.c.minute_count)).group_by(rows.c.day)
    return {day: int(count) for day, count in connection.execute(statement)}


def _waiting(connection: Connection, symbol_id: int, window: Window) -> dict[int, int]:
    rows = (
        select(_day(stale_hours.c.open_time))
        .where(*inside(stale_hours, symbol_id, window))
        .subquery("waiting")
    )
    statement = select(rows.c.day, func.count()).group_by(rows.c.day)
    return {day: count for day, count in connection.execute(statement)}


def _objects(connection: Connection, symbol: str, window: Window) -> dict[int, tuple[int, int]]:
    """Unloaded objects and the latest load of those that the manifest still has, by day."""
    table = lake_objects.c
    rows = (
        select(_day(table.first_time), table.loaded_at)
        .where(
            table.symbol == symbol,
            table.kind == ObjectKind.KLINES.value,
            table.first_time >= window.start_ms,
            table.first_time < window.end_ms,
        )
        .subquery("objects")
    )
    statement = select(
        rows.c.day, func.count() - func.count(rows.c.loaded_at), func.max(rows.c.loaded_at)
    ).group_by(rows.c.day)
    return {day: (left, loaded or 0) for day, left, loaded in connection.execute(statement)}


def _explained(connection: Connection, symbol_id: int, window: Window) -> dict[int, int]:
    """Minutes of the gaps with an explanation, by day; a gap may reach over midnights."""
    table = kline_gaps.c
    statement = select(table.start, table.end).where(
        table.symbol_id == symbol_id,
        table.closed_at.is_(None),
        table["class"].in_(EXPLAINED_CLASSES),
        table.start < window.end_ms,
        table.end >= window.start_ms,
    )
    found: dict[int, int] = {}
    for start, end in connection.execute(statement):
        gap = window & Window(start, end + MINUTE_MS)
        for day in gap.days():
            part = gap & Window.of_day(day)
            minutes = (part.end_ms - part.start_ms) // MINUTE_MS
            opens = Window.of_day(day).start_ms
            found[opens] = found.get(opens, 0) + minutes
    return found


def _day(time: ColumnElement[int]) -> ColumnElement[int]:
    return (time - time % DAY_MS).label("day")
