"""The gap ledger: every hole among the minutes, what it is, and how we know."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from crypto_assets.market.clock import Window, now_ms
from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse import watermarks
from crypto_assets.warehouse.database import Database
from crypto_assets.warehouse.holes import Hole, find_holes
from crypto_assets.warehouse.schema import kline_gaps, symbols
from crypto_assets.warehouse.symbols import Symbols

_table = kline_gaps


class GapClass(StrEnum):
    """Why minutes are missing; the last two are retried."""

    OUTAGE = "outage"
    NOT_LISTED = "not_listed"
    DELISTED = "delisted"
    ARCHIVE_LATE = "archive_late"
    OPEN = "open"

    @property
    def is_explained(self) -> bool:
        """Whether it is known why no candle was published; the others may still be filled."""
        return self not in (GapClass.ARCHIVE_LATE, GapClass.OPEN)


_RETRIED = (GapClass.OPEN.value, GapClass.ARCHIVE_LATE.value)


@dataclass(frozen=True)
class Gap:
    """A row of the ledger; `start` and `end` are the first and last missing open time (epoch ms).

    `closed_at` is set once candles have come for it.
    """

    symbol: str
    start: int
    end: int
    minutes: int
    gap_class: GapClass
    evidence: str
    first_seen: int
    closed_at: int | None
    attempts: int
    next_retry_at: int | None


Ledger = list[Gap]


@dataclass(frozen=True)
class GapChanges:
    """Starts of the gaps that a look at the minutes has opened (or reopened) and closed."""

    opened: tuple[int, ...]
    closed: tuple[int, ...]


class Gaps:
    def __init__(self, database: Database, symbols: Symbols) -> None:
        self._database = database
        self._symbols = symbols

    def detect(self, symbol: str, window: Window, within: Window | None = None) -> list[Hole]:
        """Maximal holes that touch the window; `within` is as far as candles are expected at all.

        Without `within` the window itself is. A purged past has no holes.
        """
        symbol_id = self._symbols.id_of(symbol)
        return self._database.read_primary(
            lambda c: find_holes(c, symbol_id, *_unpurged(c, symbol_id, window, within or window))
        )

    def refresh(self, symbol: str, window: Window, within: Window | None = None) -> GapChanges:
        """Detects, and brings the ledger of the window up to date, under the symbol's lock.

        A gap that lost part of its minutes keeps its class; one that grew is open again.
        """
        symbol_id = self._symbols.id_of(symbol)

        def work(connection: Connection) -> GapChanges:
            watermarks.lock(connection, symbol_id, ObjectKind.KLINES)
            span, held = _unpurged(connection, symbol_id, window, within or window)
            holes = find_holes(connection, symbol_id, span, held)
            return _record(connection, symbol_id, span, holes, now_ms())

        return self._database.write(work)

    def classify(self, symbol: str, start: int, gap_class: GapClass, evidence: str) -> None:
        """States what the gap that starts there is, and from what we know it."""
        self._change(symbol, start, {"class": gap_class.value, "evidence": evidence[:500]})

    def retried(self, symbol: str, start: int, next_retry_at: int) -> None:
        """Counts an attempt that brought nothing, and sets when the next is due."""
        attempts = _table.c.attempts + 1
        self._change(symbol, start, {"attempts": attempts, "next_retry_at": next_retry_at})

    def due(self, now: int, limit: int = 1000) -> list[Gap]:
        """Gaps that are open (or wait for an archive) and whose next attempt has come.

        Of tracked symbols alone: others are not asked for, and would use up the limit.
        """
        statement = (
            select(_table)
            .join(symbols, symbols.c.symbol_id == _table.c.symbol_id)
            .where(symbols.c.active_until.is_(None))
            .where(_table.c.closed_at.is_(None), _table.c["class"].in_(_RETRIED))
            .where(or_(_table.c.next_retry_at.is_(None), _table.c.next_retry_at <= now))
            .order_by(_table.c.symbol_id, _table.c.start)
        )
        return self._read(statement.limit(limit))

    def list(
        self,
        symbol: str | None = None,
        window: Window | None = None,
        *,
        closed: bool = False,
        after: int | None = None,
        limit: int = 10_000,
    ) -> list[Gap]:
        """By symbol and start; with `closed`, those too for which candles have come.

        With `after`, those alone that begin later.
        """
        statement = select(_table).order_by(_table.c.symbol_id, _table.c.start)
        if symbol is not None:
            statement = statement.where(_table.c.symbol_id == self._symbols.id_of(symbol))
        if window is not None:
            statement = statement.where(
                _table.c.start < window.end_ms, _table.c.end >= window.start_ms
            )
        if after is not None:
            statement = statement.where(_table.c.start > after)
        if not closed:
            statement = statement.where(_table.c.closed_at.is_(None))
        return self._read(statement.limit(limit))

    def _change(self, symbol: str, start: int, values: dict[str, Any]) -> None:
        symbol_id = self._symbols.id_of(symbol)
        key = (_table.c.symbol_id == symbol_id, _table.c.start == start)
        self._database.write(lambda c: c.execute(update(_table).where(*key).values(values)))

    def _read(self, statement: Select[Any]) -> Ledger:
        names = {symbol.symbol_id: symbol.name for symbol in self._symbols.all()}
        rows = self._database.read_primary(lambda c: c.execute(statement).all())
        return [_gap(names[row.symbol_id], row) for row in rows]


def reopen(connection: Connection, symbol_id: int, starts: Sequence[int]) -> None:
    """Open closed gaps again, with their class, where what closed them has gone.

    Part of a transaction that holds the symbol's lock; the next `refresh` cuts them to the minutes
    that are missing.
    """
    for start in starts:
        key = (_table.c.symbol_id == symbol_id, _table.c.start == start)
        connection.execute(update(_table).where(*key).values(closed_at=None))


def _unpurged(
    connection: Connection, symbol_id: int, window: Window, within: Window
) -> tuple[Window, Window]:
    """Both windows, `window` inside `within`, without the past that was retired."""
    purged = watermarks.read(connection, symbol_id, ObjectKind.KLINES).purged_before
    held = Window(max(within.start_ms, purged or within.start_ms), within.end_ms)
    return window & held, held


def _record(
    connection: Connection, symbol_id: int, window: Window, holes: Sequence[Hole], now: int
) -> GapChanges:
    if not window:
        return GapChanges((), ())
    reach = max([window.end_ms, *(hole.end + 1 for hole in holes)])
    begin = min([window.start_ms, *(hole.start for hole in holes)])
    known = {
        row.start: row
        for row in connection.execute(
            select(_table).where(
                _table.c.symbol_id == symbol_id, _table.c.start < reach, _table.c.end >= begin
            )
        )
    }
    opened = [hole.start for hole in holes if _record_hole(connection, symbol_id, hole, known, now)]
    found = {hole.start for hole in holes}
    closed = [
        row.start for row in known.values() if row.closed_at is None and row.start not in found
    ]
    if closed:
        connection.execute(
            update(_table)
            .where(_table.c.symbol_id == symbol_id, _table.c.start.in_(closed))
            .values(closed_at=now)
        )
    return GapChanges(tuple(opened), tuple(closed))


def _record_hole(
    connection: Connection,
    symbol_id: int,
    hole: Hole,
    known: dict[int, Row[Any]],
    now: int,
) -> bool:
    """Whether the hole is a gap that the ledger did not have open."""
    same = known.get(hole.start)
    if same is not None and same.closed_at is None and same.end == hole.end:
        return False
    around = next(
        (
            row
            for row in known.values()
            if row.closed_at is None and row.start <= hole.start and row.end >= hole.end
        ),
        None,
    )
    values: dict[str, Any] = {"end": hole.end, "minutes": hole.minutes, "closed_at": None}
    if around is None:
        fresh = {"class": GapClass.OPEN.value, "evidence": "", "attempts": 0, "next_retry_at": None}
        values |= fresh
    else:
        inherited = ("class", "evidence", "attempts", "next_retry_at")
        values |= {name: around._mapping[name] for name in inherited}
    if same is None:
        key = {"symbol_id": symbol_id, "start": hole.start, "first_seen": now}
        connection.execute(insert(_table).values({**key, **values}))
        return True
    connection.execute(
        update(_table)
        .where(_table.c.symbol_id == symbol_id, _table.c.start == hole.start)
        .values(values)
    )
    return same.closed_at is not None


def _gap(symbol: str, row: Row[Any]) -> Gap:
    values = row._mapping
    return Gap(
        symbol=symbol,
        start=values["start"],
        end=values["end"],
        minutes=values["minutes"],
        gap_class=GapClass(values["class"]),
        evidence=values["evidence"],
        first_seen=values["first_seen"],
        closed_at=values["closed_at"],
        attempts=values["attempts"],
        next_retry_at=values["next_retry_at"],
    )
