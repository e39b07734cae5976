"""What passes from the exchange to the days: a few index ranges, however much is held."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Select, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, floor_ms
from crypto_assets.warehouse.catalog.symbols import Symbols
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

MINUTES_REACH_MS = HOUR_MS
HOURS_REACH_MS = DAY_MS
DAYS_REACH_MS = 30 * DAY_MS
_KINDS = [kind.value for kind in ObjectKind]


@dataclass(frozen=True)
class Passed:
    """Rows of one table whose time lies in the reach before now, and the newest time (epoch ms)."""

    count: int
    newest: int | None


@dataclass(frozen=True)
class Passing:
    """`minutes` and `books` of the last hour, `hours` of the last day, `days` of the last thirty.

    `fetched` counts objects of the last hour by kind, `waiting` those that are not loaded yet,
    `held` what is held of each kind in all (minutes, snapshots); `stale` hours
    have ended and are to be computed.
    """

    minutes: Passed
    hours: Passed
    days: Passed
    books: Passed
    fetched: dict[ObjectKind, int]
    waiting: dict[ObjectKind, int]
    held: dict[ObjectKind, int]
    stale: int


class Flow:
    def __init__(self, database: Database, symbols: Symbols) -> None:
        self._database = database
        self._symbols = symbols

    def passing(self, now_ms: int) -> Passing:
        """Of the tracked symbols, as of `now_ms`."""
        ids = [symbol.symbol_id for symbol in self._symbols.tracked()]
        return self._database.read(lambda c: _passing(c, ids, now_ms))


def _passing(connection: Connection, ids: Sequence[int], now: int) -> Passing:
    def passed(time: Column[int], reach: int) -> Passed:
        mine = time.table.c.symbol_id.in_(ids)
        statement = select(func.count(), func.max(time)).where(mine, time >= now - reach)
        count, newest = connection.execute(statement).one()
        return Passed(count, newest)

    due = (
        stale_hours.c.symbol_id.in_(ids),
        stale_hours.c.hour_done == 0,
        stale_hours.c.open_time < floor_ms(now, HOUR_MS),
    )
    return Passing(
        minutes=passed(fact_klines.c.open_time, MINUTES_REACH_MS),
        hours=passed(hourly_klines.c.open_time, HOURS_REACH_MS),
        days=passed(daily_klines.c.open_time, DAYS_REACH_MS),
        books=passed(order_book_snapshots.c.captured_at, MINUTES_REACH_MS),
        fetched=_by_kind(connection, _fetched(now - HOUR_MS)),
        waiting=_by_kind(connection, _waiting()),
        held=_by_kind(connection, _held(ids)),
        stale=connection.execute(
            select(func.count()).select_from(stale_hours).where(*due)
        ).scalar_one(),
    )


def _fetched(since: int) -> Select[str, int]:
    kind = lake_objects.c.kind
    late = lake_objects.c.fetched_at >= since
    return select(kind, func.count()).where(late).group_by(kind)


def _waiting() -> Select[str, int]:
    kind = lake_objects.c.kind
    unloaded = kind.in_(_KINDS), lake_objects.c.loaded_at.is_(None)
    return select(kind, func.count()).where(*unloaded).group_by(kind)


def _held(ids: Sequence[int]) -> Select[str, int]:
    mark = extraction_metadata
    mine = mark.c.symbol_id.in_(ids), mark.c.kind.in_(_KINDS)
    return select(mark.c.kind, func.sum(mark.c.record_count)).where(*mine).group_by(mark.c.kind)


def _by_kind(connection: Connection, statement: Select[str, int]) -> dict[ObjectKind, int]:
    found = {ObjectKind(kind): int(count) for kind, count in connection.execute(statement)}
    return dict.fromkeys(ObjectKind, 0) | found
