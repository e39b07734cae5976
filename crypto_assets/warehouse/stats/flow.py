"""What flows from the exchange to the daily candles, read from a few ranges of indexes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Select, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, floor_ms
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    daily_klines,
    extraction_metadata,
    fact_klines,
    hourly_klines,
    lake_objects,
    order_book_snapshots,
    stale_hours,
)

MINUTES_WINDOW_MS = HOUR_MS
HOURS_WINDOW_MS = DAY_MS
DAYS_WINDOW_MS = 30 * DAY_MS
_OBJECT_KINDS = [kind.value for kind in ObjectKind]


@dataclass(frozen=True)
class RecentRows:
    """The rows of a table in a time range up to now, and the newest time (epoch ms)."""

    count: int
    newest: int | None


@dataclass(frozen=True)
class FlowCounts:
    """How much data reached each stage.

    `minutes` and `books` are of the last hour, `hours` of the last day, `days` of the last thirty.
    `fetched_objects` are of the last hour, by kind; `unloaded_objects` are all that are not loaded
    yet; `stored_rows` are all minutes and snapshots. `stale_hours` have ended and are not computed.
    """

    minutes: RecentRows
    hours: RecentRows
    days: RecentRows
    books: RecentRows
    fetched_objects: dict[ObjectKind, int]
    unloaded_objects: dict[ObjectKind, int]
    stored_rows: dict[ObjectKind, int]
    stale_hours: int


class FlowStats:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def count_recent_rows(self, now_ms: int) -> FlowCounts:
        """Count the rows and objects of the tracked symbols, as of `now_ms`."""
        ids = [symbol.symbol_id for symbol in self._symbols.list_tracked()]
        return self._database.run_read(lambda c: _count_recent_rows(c, ids, now_ms))


def _count_recent_rows(connection: Connection, ids: Sequence[int], now: int) -> FlowCounts:
    def count_since(time: Column[int], duration_ms: int) -> RecentRows:
        tracked = time.table.c.symbol_id.in_(ids)
        statement = select(func.count(), func.max(time)).where(tracked, time >= now - duration_ms)
        count, newest = connection.execute(statement).one()
        return RecentRows(count, newest)

    due = (
        stale_hours.c.symbol_id.in_(ids),
        stale_hours.c.hour_done == 0,
        stale_hours.c.open_time < floor_ms(now, HOUR_MS),
    )
    return FlowCounts(
        minutes=count_since(fact_klines.c.open_time, MINUTES_WINDOW_MS),
        hours=count_since(hourly_klines.c.open_time, HOURS_WINDOW_MS),
        days=count_since(daily_klines.c.open_time, DAYS_WINDOW_MS),
        books=count_since(order_book_snapshots.c.captured_at, MINUTES_WINDOW_MS),
        fetched_objects=_count_by_kind(connection, _select_fetched(now - HOUR_MS)),
        unloaded_objects=_count_by_kind(connection, _select_unloaded()),
        stored_rows=_count_by_kind(connection, _select_stored(ids)),
        stale_hours=connection.execute(
            select(func.count()).select_from(stale_hours).where(*due)
        ).scalar_one(),
    )


def _select_fetched(since: int) -> Select[str, int]:
    kind = lake_objects.c.kind
    recent = lake_objects.c.fetched_at >= since
    return select(kind, func.count()).where(recent).group_by(kind)


def _select_unloaded() -> Select[str, int]:
    kind = lake_objects.c.kind
    unloaded = kind.in_(_OBJECT_KINDS), lake_objects.c.loaded_at.is_(None)
    return select(kind, func.count()).where(*unloaded).group_by(kind)


def _select_stored(ids: Sequence[int]) -> Select[str, int]:
    mark = extraction_metadata
    tracked = mark.c.symbol_id.in_(ids), mark.c.kind.in_(_OBJECT_KINDS)
    return select(mark.c.kind, func.sum(mark.c.record_count)).where(*tracked).group_by(mark.c.kind)


def _count_by_kind(connection: Connection, statement: Select[str, int]) -> dict[ObjectKind, int]:
    counts = {ObjectKind(kind): int(count) for kind, count in connection.execute(statement)}
    return dict.fromkeys(ObjectKind, 0) | counts
