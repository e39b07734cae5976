"""How one UTC day of a symbol stands: its minutes, what is built of them, what is explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, distinct, func, select

from crypto_assets.market.clock import DAY_MS, MINUTE_MS, Window, floor_ms, isoformat
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse.gaps import GapClass
from crypto_assets.warehouse.schema import (
    daily_klines,
    fact_klines,
    hourly_klines,
    kline_gaps,
    lake_objects,
    stale_hours,
)
from crypto_assets.warehouse.stale import inside

_EXPLAINED = {GapClass.OUTAGE.value, GapClass.NOT_LISTED.value, GapClass.DELISTED.value}
_MINUTES_A_DAY = DAY_MS // MINUTE_MS


@dataclass(frozen=True)
class DayStand:
    """Counts of minutes: held, in the hours, in the day's candle, and explained as missing.

    `stale_hours` wait to be computed, `unloaded` objects to be loaded. `touched_at`, epoch ms, is
    when the day was last fetched or loaded, as far as rows and manifest still say.
    """

    start: int
    minutes: int
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
            "its hours are not built from all of its minutes": self.in_hours != self.minutes,
            "its daily candle is not built from all of its minutes": self.in_day != self.minutes,
        }
        found = [reason for reason, holds in reasons.items() if holds]
        return f"{isoformat(self.start)[:10]}: {found[0]}" if found else None


def day_stands(
    connection: Connection, symbol: str, symbol_id: int, window: Window
) -> list[DayStand]:
    """Of each day of a window of whole UTC days."""

    def by_day(table: Table, *figures: Any) -> dict[int, Sequence[Any]]:
        where = inside(table, symbol_id, window)
        return _by_day(connection, table, table.c.open_time, where, figures)

    minute = fact_klines.c.open_time - fact_klines.c.open_time % MINUTE_MS
    facts = by_day(fact_klines, minute, fact_klines.c.fetched_at)
    hours = by_day(hourly_klines, hourly_klines.c.minute_count)
    days = by_day(daily_klines, daily_klines.c.minute_count)
    waiting = by_day(stale_hours, stale_hours.c.hour_done)
    loads = _loads(connection, symbol, window)
    explained = _explained(connection, symbol_id, window)
    return [
        DayStand(
            start=start,
            minutes=_first(facts, start).distinct,
            in_hours=_first(hours, start).total,
            in_day=_first(days, start).total,
            explained=explained.get(start, 0),
            stale_hours=_first(waiting, start).rows,
            unloaded=loads.get(start, (0, 0))[0],
            touched_at=max(_last(facts, start), loads.get(start, (0, 0))[1]),
        )
        for start in range(window.start_ms, window.end_ms, DAY_MS)
    ]
