"""The gap ledger: every hole among the minutes, what it is, and how we know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select, update

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import MINUTE_MS, Window, group_periods, now_ms
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import kline_gaps, symbols
from crypto_assets.warehouse.quality.gap_detection import MissingRange, find_missing_ranges

_table = kline_gaps


class GapClass(StrEnum):
    """Why minutes are missing."""

    OUTAGE = "outage"
    NOT_LISTED = "not_listed"
    DELISTED = "delisted"
    REFUSED = "refused"
    ARCHIVE_LATE = "archive_late"
    OPEN = "open"

    @property
    def is_explained(self) -> bool:
        """Whether the reason is known; a gap of any other class is asked for again and again."""
        return self not in {GapClass.OPEN, GapClass.ARCHIVE_LATE}


# As the table holds them.
EXPLAINED_CLASSES = tuple(one.value for one in GapClass if one.is_explained)
_RETRIED_CLASSES = tuple(one.value for one in GapClass if not one.is_explained)


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

    @property
    def window(self) -> Window:
        return Window(self.start, self.end + MINUTE_MS)


GapList = list[Gap]

_OPEN_GAP_VALUES: Mapping[str, Any] = {
    "class": GapClass.OPEN.value,
    "evidence": "",
    "attempts": 0,
    "next_retry_at": None,
}


@dataclass(frozen=True)
class GapChanges:
    """Starts of the gaps that a look at the minutes has opened (or reopened) and closed."""

    opened: tuple[int, ...]
    closed: tuple[int, ...]


class GapLedger:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def refresh_gaps(self, symbol: str, window: Window, within: Window | None = None) -> GapChanges:
        """Detects, and brings the ledger of the window up to date, under the symbol's lock.

        A gap that lost part of its minutes keeps its class; one that grew is open again, unless it
        is the end of a symbol that still does not trade. Refused minutes stay gaps of their own.
        """
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> GapChanges:
            watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            span, held = _clip_to_unexpired(connection, symbol_id, window, within or window)
            holes = find_missing_ranges(connection, symbol_id, span, held)
            return _record_ranges(connection, symbol_id, span, holes, now_ms())

        return self._database.run_write(work)

    def classify_gap(self, symbol: str, start: int, gap_class: GapClass, evidence: str) -> None:
        """States what the gap that starts there is, and from what we know it."""
        self._update_gap(symbol, start, {"class": gap_class.value, "evidence": evidence[:500]})

    def split_off_refused(self, symbol: str, start: int, reasons: Mapping[int, str]) -> None:
        """Makes minutes of the open gap that starts there refused gaps of their own.

        `reasons` are by minute (epoch ms); neighbouring minutes are one gap. What lies before,
        between and after them stays as many gaps of the class that the whole had.
        """
        symbol_id = self._symbols.get_id(symbol)
        mine = (_table.c.symbol_id == symbol_id, _table.c.closed_at.is_(None))

        def work(connection: Connection) -> None:
            watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            statement = select(_table).where(*mine, _table.c.start == start)
            whole = connection.execute(statement).first()
            if whole is None:
                return
            inside = sorted(at for at in reasons if whole.start <= at <= whole.end)
            refused = _group_minutes(inside)
            for part in refused:
                minutes = range(part.start, part.end + 1, MINUTE_MS)
                said = "; ".join(dict.fromkeys(reasons[at] for at in minutes))
                values = {
                    **_OPEN_GAP_VALUES,
                    "class": GapClass.REFUSED.value,
                    "evidence": said[:500],
                }
                _store_gap(connection, symbol_id, part, values, whole.first_seen)
            if refused:
                for part in _subtract_ranges([MissingRange(whole.start, whole.end)], refused):
                    _store_gap(
                        connection, symbol_id, part, _inherit_values(whole), whole.first_seen
                    )

        self._database.run_write(work)

    def record_retry(self, symbol: str, start: int, next_retry_at: int) -> None:
        """Counts an attempt that brought nothing, and sets when the next is due."""
        symbol_id = self._symbols.get_id(symbol)
        key = (_table.c.symbol_id == symbol_id, _table.c.start == start)
        attempts = self._database.run_primary_read(
            lambda c: c.execute(select(_table.c.attempts).where(*key)).scalar()
        )
        if attempts is None:
            return
        # Work that is run again after a commit whose answer was lost changes nothing more.
        counted = (
            update(_table)
            .where(*key, _table.c.attempts == attempts)
            .values(attempts=attempts + 1, next_retry_at=next_retry_at)
        )
        self._database.run_write(lambda c: c.execute(counted))

    def list_due_gaps(self, now: int, limit: int = 1000) -> list[Gap]:
        """Gaps that are open (or wait for an archive) and whose next attempt has come.

        Of tracked symbols alone: others are not asked for, and would use up the limit.
        """
        statement = (
            select(_table)
            .join(symbols, symbols.c.symbol_id == _table.c.symbol_id)
            .where(symbols.c.active_until.is_(None))
            .where(_table.c.closed_at.is_(None), _table.c["class"].in_(_RETRIED_CLASSES))
            .where(or_(_table.c.next_retry_at.is_(None), _table.c.next_retry_at <= now))
            .order_by(_table.c.symbol_id, _table.c.start)
        )
        return self._read_gaps(statement.limit(limit))

    def list_gaps(
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
            statement = statement.where(_table.c.symbol_id == self._symbols.get_id(symbol))
        if window is not None:
            statement = statement.where(
                _table.c.start < window.end_ms, _table.c.end >= window.start_ms
            )
        if after is not None:
            statement = statement.where(_table.c.start > after)
        if not closed:
            statement = statement.where(_table.c.closed_at.is_(None))
        return self._read_gaps(statement.limit(limit))

    def _update_gap(self, symbol: str, start: int, values: dict[str, Any]) -> None:
        symbol_id = self._symbols.get_id(symbol)
        key = (_table.c.symbol_id == symbol_id, _table.c.start == start)
        self._database.run_write(lambda c: c.execute(update(_table).where(*key).values(values)))

    def _read_gaps(self, statement: Select[Any]) -> GapList:
        names = {symbol.symbol_id: symbol.name for symbol in self._symbols.list_all()}
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return [_parse_gap(names[row.symbol_id], row) for row in rows]


def reopen_gaps(connection: Connection, symbol_id: int, starts: Sequence[int]) -> None:
    """Open closed gaps again, with their class, where what closed them has gone.

    Part of a transaction that holds the symbol's lock; the next `refresh` cuts them to the minutes
    that are missing.
    """
    for start in starts:
        key = (_table.c.symbol_id == symbol_id, _table.c.start == start)
        connection.execute(update(_table).where(*key).values(closed_at=None))


def _clip_to_unexpired(
    connection: Connection, symbol_id: int, window: Window, within: Window
) -> tuple[Window, Window]:
    """Both windows, `window` inside `within`, without the past that was retired."""
    purged = watermarks.read_watermark(connection, symbol_id, ObjectKind.KLINES).purged_before
    held = Window(max(within.start_ms, purged or within.start_ms), within.end_ms)
    return window & held, held


def _record_ranges(
    connection: Connection, symbol_id: int, window: Window, holes: Sequence[MissingRange], now: int
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
    refused = [
        MissingRange(row.start, row.end)
        for row in known.values()
        if row.closed_at is None and row._mapping["class"] == GapClass.REFUSED
    ]
    holes = _split_at_refused(holes, refused)
    ended = not _is_trading(connection, symbol_id)
    opened = [
        hole.start
        for hole in holes
        if _record_range(connection, symbol_id, hole, known, now, ended=ended)
    ]
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


def _record_range(
    connection: Connection,
    symbol_id: int,
    hole: MissingRange,
    known: dict[int, Row[Any]],
    now: int,
    *,
    ended: bool,
) -> bool:
    """Whether the hole is a gap that the ledger did not have open."""
    same = known.get(hole.start)
    if same is not None and same.closed_at is None and same.end == hole.end:
        return False
    around = next(
        (
            row
            for row in known.values()
            if row.closed_at is None
            and row.start <= hole.start
            and _still_describes(row, hole, ended=ended)
        ),
        None,
    )
    values = _OPEN_GAP_VALUES if around is None else _inherit_values(around)
    _store_gap(connection, symbol_id, hole, values, now)
    return same is None or same.closed_at is not None


def _still_describes(row: Row[Any], hole: MissingRange, *, ended: bool) -> bool:
    """Whether a gap that begins no later than the hole still says what the hole is.

    The end of a symbol grows for as long as the symbol does not trade, and is none any more once
    candles have come after it.
    """
    if row._mapping["class"] == GapClass.DELISTED:
        return hole.end == row.end or (ended and row.end >= hole.start and hole.end > row.end)
    return bool(row.end >= hole.end)


def _inherit_values(row: Row[Any]) -> dict[str, Any]:
    return {name: row._mapping[name] for name in ("class", "evidence", "attempts", "next_retry_at")}


def _is_trading(connection: Connection, symbol_id: int) -> bool:
    statement = select(symbols.c.status).where(symbols.c.symbol_id == symbol_id)
    return connection.execute(statement).scalar() == SymbolStatus.TRADING


def _store_gap(
    connection: Connection,
    symbol_id: int,
    hole: MissingRange,
    values: Mapping[str, Any],
    first_seen: int,
) -> None:
    """Writes an open gap, over one that begins at the same minute and was first seen before."""
    columns = {**values, "end": hole.end, "minutes": hole.minutes, "closed_at": None}
    statement = make_upsert(
        connection, _table, ["symbol_id", "start"], lambda new: [(n, new[n]) for n in columns]
    )
    key = {"symbol_id": symbol_id, "start": hole.start, "first_seen": first_seen}
    connection.execute(statement, {**key, **columns})


def _split_at_refused(
    holes: Sequence[MissingRange], refused: Sequence[MissingRange]
) -> list[MissingRange]:
    """The holes, cut so that each refused minute in them lies in a hole of refused minutes."""
    inside = [
        MissingRange.from_window(common)
        for hole in holes
        for part in refused
        if (common := hole.window & part.window)
    ]
    return sorted([*inside, *_subtract_ranges(holes, inside)])


def _subtract_ranges(
    holes: Sequence[MissingRange], parts: Sequence[MissingRange]
) -> list[MissingRange]:
    """What is left of holes without some parts of them."""
    windows = [part.window for part in parts]
    return [
        MissingRange.from_window(left) for hole in holes for left in hole.window.subtract(windows)
    ]


def _group_minutes(minutes: Sequence[int]) -> list[MissingRange]:
    """Ascending minutes as holes, neighbouring ones as one."""
    return [MissingRange.from_window(window) for window in group_periods(minutes, MINUTE_MS)]


def _parse_gap(symbol: str, row: Row[Any]) -> Gap:
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
