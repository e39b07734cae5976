"""The gap ledger: every range of missing minutes, its class, and the evidence for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, or_, select, update

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import MINUTE_MS, Window, cover_windows, group_periods, now_ms
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
        """Whether the reason is known; gaps of all other classes are retried."""
        return self not in {GapClass.OPEN, GapClass.ARCHIVE_LATE}


# As stored in the column `class`.
EXPLAINED_CLASSES = tuple(kind.value for kind in GapClass if kind.is_explained)
_RETRIED_CLASSES = tuple(kind.value for kind in GapClass if not kind.is_explained)


@dataclass(frozen=True)
class Gap:
    """A row of the ledger; times in epoch ms.

    `start` and `end` are the first and the last missing open time. `closed_at` is set once the
    gap's candles are stored.
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


_EVIDENCE_CHARACTERS = 500
_OPEN_GAP_VALUES: Mapping[str, Any] = {
    "class": GapClass.OPEN.value,
    "evidence": "",
    "attempts": 0,
    "next_retry_at": None,
}


class GapLedger:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def refresh_gaps(self, symbol: str, window: Window, within: Window | None = None) -> None:
        """Update the ledger from the minutes stored in the window, under the symbol's lock.

        `within` is where candles are expected; by default the window. Expired minutes are not
        missing. A gap that shrank keeps its class; one that grew is open again, unless its symbol
        is delisted and still does not trade. Refused minutes remain gaps of their own.
        """
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> None:
            watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            unexpired = _clip_to_unexpired(connection, symbol_id, window, within or window)
            missing = find_missing_ranges(connection, symbol_id, *unexpired)
            _record_ranges(connection, symbol_id, unexpired[0], missing, now_ms())

        self._database.run_write(work)

    def classify_gap(self, symbol: str, start: int, gap_class: GapClass, evidence: str) -> None:
        """Set the class of the gap that starts at an open time, with its evidence."""
        key = _match_gap(self._symbols.get_id(symbol), start)
        values = {"class": gap_class.value, "evidence": evidence[:_EVIDENCE_CHARACTERS]}
        self._database.run_write(lambda c: c.execute(update(_table).where(*key).values(values)))

    def split_off_refused(self, symbol: str, start: int, reasons: Mapping[int, str]) -> None:
        """Split the open gap that starts at an open time: refused minutes become gaps of their own.

        `reasons` maps minutes (epoch ms) to why their rows were refused; consecutive minutes form
        one gap. The minutes before, between and after them form gaps of the class of the whole.
        """
        symbol_id = self._symbols.get_id(symbol)
        open_gaps = (_table.c.symbol_id == symbol_id, _table.c.closed_at.is_(None))

        def work(connection: Connection) -> None:
            watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            statement = select(_table).where(*open_gaps, _table.c.start == start)
            whole = connection.execute(statement).first()
            if whole is None:
                return
            inside = sorted(at for at in reasons if whole.start <= at <= whole.end)
            refused = _group_minutes(inside)
            for part in refused:
                minutes = range(part.start, part.end + 1, MINUTE_MS)
                evidence = "; ".join(dict.fromkeys(reasons[at] for at in minutes))
                values = {
                    **_OPEN_GAP_VALUES,
                    "class": GapClass.REFUSED.value,
                    "evidence": evidence[:_EVIDENCE_CHARACTERS],
                }
                _store_gap(connection, symbol_id, part, values, whole.first_seen)
            if refused:
                for part in _subtract_ranges([MissingRange(whole.start, whole.end)], refused):
                    _store_gap(
                        connection, symbol_id, part, _inherit_values(whole), whole.first_seen
                    )

        self._database.run_write(work)

    def record_retry(self, symbol: str, start: int, next_retry_at: int) -> None:
        """Count an attempt that stored no candle, and set when the next is due (epoch ms)."""
        symbol_id = self._symbols.get_id(symbol)
        key = _match_gap(symbol_id, start)
        attempts = self._database.run_primary_read(
            lambda c: c.execute(select(_table.c.attempts).where(*key)).scalar()
        )
        if attempts is None:
            return
        # When a lost confirmation repeats the work, the condition on `attempts` no longer holds.
        statement = (
            update(_table)
            .where(*key, _table.c.attempts == attempts)
            .values(attempts=attempts + 1, next_retry_at=next_retry_at)
        )
        self._database.run_write(lambda c: c.execute(statement))

    def list_due_gaps(self, now: int, limit: int = 1000) -> list[Gap]:
        """List gaps that are open, or wait for an archive, and are due for the next attempt.

        Only of tracked symbols: gaps of the others are not retried, and would use up the limit.
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
        newest: bool = False,
        limit: int = 10_000,
        from_replica: bool = False,
    ) -> list[Gap]:
        """List gaps by symbol and start, of one symbol or all; with `closed`, closed ones too.

        `window` selects gaps that touch it, `after` those that start later than an open time. With
        `newest` the starts descend.
        """
        start = _table.c.start.desc() if newest else _table.c.start
        statement = select(_table).order_by(_table.c.symbol_id, start)
        if symbol is not None:
            statement = statement.where(_table.c.symbol_id == self._symbols.get_id(symbol))
        if window is not None:
            statement = statement.where(*match_gaps(window))
        if after is not None:
            statement = statement.where(_table.c.start > after)
        if not closed:
            statement = statement.where(_table.c.closed_at.is_(None))
        return self._read_gaps(statement.limit(limit), from_replica=from_replica)

    def _read_gaps(self, statement: Select[Any], *, from_replica: bool = False) -> list[Gap]:
        read = self._database.run_read if from_replica else self._database.run_primary_read
        rows = read(lambda c: c.execute(statement).all())
        registered = self._symbols.list_all(from_replica=from_replica)
        names = {symbol.symbol_id: symbol.name for symbol in registered}
        return [_parse_gap(names[row.symbol_id], row) for row in rows]


def match_gaps(window: Window) -> tuple[ColumnElement[bool], ...]:
    """Match the gaps that touch the window: those of which a missing minute opens inside it."""
    return _table.c.start < window.end_ms, _table.c.end >= window.start_ms


def reopen_gaps(connection: Connection, symbol_id: int, starts: Sequence[int]) -> None:
    """Reopen closed gaps, with their class, because their candles are no longer stored.

    Part of a transaction that holds the symbol's lock. The next `refresh_gaps` cuts them to the
    minutes that are missing.
    """
    for start in starts:
        key = _match_gap(symbol_id, start)
        connection.execute(update(_table).where(*key).values(closed_at=None))


def _match_gap(symbol_id: int, start: int) -> tuple[ColumnElement[bool], ...]:
    """Match the gap of a symbol that starts at an open time: the key of the ledger."""
    return _table.c.symbol_id == symbol_id, _table.c.start == start


def _clip_to_unexpired(
    connection: Connection, symbol_id: int, window: Window, within: Window
) -> tuple[Window, Window]:
    """Return both windows, `window` inside `within`, without expired minutes."""
    expired = watermarks.read_watermark(connection, symbol_id, ObjectKind.KLINES).purged_before
    _, unexpired = within.split_at(expired or 0)
    return window & unexpired, unexpired


def _record_ranges(
    connection: Connection,
    symbol_id: int,
    window: Window,
    missing: Sequence[MissingRange],
    now: int,
) -> None:
    """Store missing ranges as open gaps; close the window's open gaps that are not missing."""
    if not window:
        return
    affected = cover_windows([window, *(part.window for part in missing)])
    open_gaps = select(_table).where(
        _table.c.symbol_id == symbol_id, _table.c.closed_at.is_(None), *match_gaps(affected)
    )
    still_open = connection.execute(open_gaps).all()
    refused = [
        MissingRange(row.start, row.end)
        for row in still_open
        if row._mapping["class"] == GapClass.REFUSED
    ]
    missing = _split_at_refused(missing, refused)
    trades = _is_trading(connection, symbol_id)
    for part in missing:
        _record_range(connection, symbol_id, part, still_open, now, trades=trades)
    starts = {part.start for part in missing}
    closed = [row.start for row in still_open if row.start not in starts]
    if closed:
        connection.execute(
            update(_table)
            .where(_table.c.symbol_id == symbol_id, _table.c.start.in_(closed))
            .values(closed_at=now)
        )


def _record_range(
    connection: Connection,
    symbol_id: int,
    part: MissingRange,
    still_open: Sequence[Row[Any]],
    now: int,
    *,
    trades: bool,
) -> None:
    """Store a missing range as an open gap, with the class of the gap that it was a part of."""
    if any((row.start, row.end) == (part.start, part.end) for row in still_open):
        return
    predecessor = next(
        (
            row
            for row in still_open
            if row.start <= part.start and _still_describes(row, part, trades=trades)
        ),
        None,
    )
    values = _OPEN_GAP_VALUES if predecessor is None else _inherit_values(predecessor)
    _store_gap(connection, symbol_id, part, values, now)


def _still_describes(row: Row[Any], part: MissingRange, *, trades: bool) -> bool:
    """Return whether the class of a gap that starts no later than a range applies to the range.

    A gap after delisting grows while the symbol does not trade, and no longer is one once candles
    after it are stored.
    """
    if row._mapping["class"] == GapClass.DELISTED:
        return part.end == row.end or (not trades and row.end >= part.start and part.end > row.end)
    return bool(row.end >= part.end)


def _inherit_values(row: Row[Any]) -> dict[str, Any]:
    return {name: row._mapping[name] for name in ("class", "evidence", "attempts", "next_retry_at")}


def _is_trading(connection: Connection, symbol_id: int) -> bool:
    statement = select(symbols.c.status).where(symbols.c.symbol_id == symbol_id)
    return connection.execute(statement).scalar() == SymbolStatus.TRADING


def _store_gap(
    connection: Connection,
    symbol_id: int,
    part: MissingRange,
    values: Mapping[str, Any],
    first_seen: int,
) -> None:
    """Store an open gap; a gap with the same start keeps its `first_seen`."""
    columns = {**values, "end": part.end, "minutes": part.minutes, "closed_at": None}
    statement = make_upsert(
        connection, _table, ["symbol_id", "start"], lambda new: [(n, new[n]) for n in columns]
    )
    key = {"symbol_id": symbol_id, "start": part.start, "first_seen": first_seen}
    connection.execute(statement, {**key, **columns})


def _split_at_refused(
    missing: Sequence[MissingRange], refused: Sequence[MissingRange]
) -> list[MissingRange]:
    """Split missing ranges so that each one is refused as a whole or not at all."""
    both = [
        MissingRange.from_window(common)
        for whole in missing
        for part in refused
        if (common := whole.window & part.window)
    ]
    return sorted([*both, *_subtract_ranges(missing, both)])


def _subtract_ranges(
    ranges: Sequence[MissingRange], parts: Sequence[MissingRange]
) -> list[MissingRange]:
    """Return what remains of ranges without some parts of them."""
    windows = [part.window for part in parts]
    return [
        MissingRange.from_window(rest)
        for whole in ranges
        for rest in whole.window.subtract(windows)
    ]


def _group_minutes(minutes: Sequence[int]) -> list[MissingRange]:
    """Group ascending minutes into ranges of consecutive ones."""
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
