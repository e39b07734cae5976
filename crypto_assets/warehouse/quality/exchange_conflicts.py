"""The record of periods in which the exchange's archive, REST and hours contradict each other."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, insert, select

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import exchange_conflicts
from crypto_assets.warehouse.engine.time_filters import match_times

_table = exchange_conflicts
_EVIDENCE_CHARACTERS = 500


class ConflictKind(StrEnum):
    """How the exchange contradicts itself in a period.

    `resolved`: one version of the minutes adds up to the exchange's hour; it counts, permanently.
    `contradiction`: no version of the minutes adds up to the exchange's hour or day.
    `off_grid`: the exchange's period opens off its grid, and its minutes do not add up to it.
    """

    RESOLVED = "resolved"
    CONTRADICTION = "contradiction"
    OFF_GRID = "off_grid"


@dataclass(frozen=True)
class ExchangeConflict:
    """One period in which the exchange contradicts itself; times in epoch ms, UTC.

    `open_time` is the exchange's. `evidence` names both values and their sources. `recorded_at` is
    when the warehouse first recorded the conflict; 0 until then.
    """

    symbol: str
    interval: Interval
    open_time: int
    kind: ConflictKind
    evidence: str
    recorded_at: int = 0


class ExchangeConflicts:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def record_conflicts(self, symbol: str, conflicts: Sequence[ExchangeConflict]) -> None:
        """Store conflicts; one that is already stored keeps its `recorded_at`."""
        symbol_id = self._symbols.get_id(symbol)
        if conflicts:
            self._database.run_write(lambda c: _store_conflicts(c, symbol_id, conflicts))

    def replace_conflicts(
        self, symbol: str, window: Window, conflicts: Sequence[ExchangeConflict]
    ) -> None:
        """Store the conflicts that a comparison of a whole window found, and delete all others.

        Resolved conflicts remain: their periods equal the exchange's, so a comparison does not
        find them. Writes nothing if nothing has changed.
        """
        symbol_id = self._symbols.get_id(symbol)
        statement = _filter_by_window(_select_by_symbol(symbol_id), window)
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        stored = [_parse_conflict(symbol, row) for row in rows]
        conflicts = [_clip_evidence(conflict) for conflict in conflicts]
        keys = {_conflict_key(conflict) for conflict in conflicts}
        outdated = [
            conflict
            for conflict in stored
            if conflict.kind is not ConflictKind.RESOLVED and _conflict_key(conflict) not in keys
        ]

        def work(connection: Connection) -> None:
            for conflict in outdated:
                connection.execute(delete(_table).where(_match_conflict(symbol_id, conflict)))
            _store_conflicts(connection, symbol_id, conflicts)

        unchanged = {dataclasses.replace(conflict, recorded_at=0) for conflict in stored}
        if outdated or set(conflicts) - unchanged:
            self._database.run_write(work)

    def list_conflicts(
        self, symbol: str | None = None, window: Window | None = None, limit: int = 10_000
    ) -> list[ExchangeConflict]:
        """List the conflicts of one symbol by open time, or of all symbols, last recorded first."""
        names = {known.symbol_id: known.name for known in self._symbols.list_all()}
        if symbol is None:
            last_first = (_table.c.recorded_at.desc(), _table.c.open_time)
            statement = select(_table).order_by(*last_first)
        else:
            statement = _select_by_symbol(self._symbols.get_id(symbol))
        statement = _filter_by_window(statement, window).limit(limit)
        rows = self._database.run_read(lambda c: c.execute(statement).all())
        return [_parse_conflict(names[row.symbol_id], row) for row in rows]


def _select_by_symbol(symbol_id: int) -> Select[Any]:
    statement = select(_table).where(_table.c.symbol_id == symbol_id)
    return statement.order_by(_table.c.open_time, _table.c.period)


def _filter_by_window(statement: Select[Any], window: Window | None) -> Select[Any]:
    if window is None:
        return statement
    return statement.where(*match_times(_table.c.open_time, window))


def _store_conflicts(
    connection: Connection, symbol_id: int, conflicts: Sequence[ExchangeConflict]
) -> None:
    now = now_ms()
    for conflict in map(_clip_evidence, conflicts):
        key = _match_conflict(symbol_id, conflict)
        known = connection.execute(select(_table.c.recorded_at).where(key)).scalar()
        connection.execute(delete(_table).where(key))
        connection.execute(
            insert(_table).values(
                symbol_id=symbol_id,
                period=conflict.interval.value,
                open_time=conflict.open_time,
                kind=conflict.kind.value,
                evidence=conflict.evidence,
                recorded_at=known or now,
            )
        )


def _clip_evidence(conflict: ExchangeConflict) -> ExchangeConflict:
    return dataclasses.replace(conflict, evidence=conflict.evidence[:_EVIDENCE_CHARACTERS])


def _conflict_key(conflict: ExchangeConflict) -> tuple[Interval, int]:
    return conflict.interval, conflict.open_time


def _parse_conflict(symbol: str, row: Row[Any]) -> ExchangeConflict:
    return ExchangeConflict(
        symbol,
        Interval(row.period),
        row.open_time,
        ConflictKind(row.kind),
        row.evidence,
        row.recorded_at,
    )


def _match_conflict(symbol_id: int, conflict: ExchangeConflict) -> ColumnElement[bool]:
    return and_(
        _table.c.symbol_id == symbol_id,
        _table.c.period == conflict.interval.value,
        _table.c.open_time == conflict.open_time,
    )
