"""The record of what the exchange says in two ways: archive against REST, minutes against hours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from crypto_assets.market.clock import Window, now_ms
from crypto_assets.market.intervals import Interval
from crypto_assets.warehouse.database import Database
from crypto_assets.warehouse.schema import exchange_conflicts
from crypto_assets.warehouse.symbols import Symbols

_table = exchange_conflicts
_EVIDENCE_CHARACTERS = 500


class ConflictKind(StrEnum):
    """What a conflict of the exchange with itself is.

    `resolved`: one version of the minutes gives the exchange's hour; it counts, permanently.
    `contradiction`: no version of the minutes gives the exchange's hour or day.
    `off_grid`: the exchange's period opens off its grid, and its minutes do not give it.
    """

    RESOLVED = "resolved"
    CONTRADICTION = "contradiction"
    OFF_GRID = "off_grid"


@dataclass(frozen=True)
class Conflict:
    """One period in which the exchange contradicts itself; times in epoch ms, UTC.

    `open_time` is the exchange's own. `evidence` names both values and their sources.
    `recorded_at` is when the warehouse first recorded it; 0 until then.
    """

    symbol: str
    interval: Interval
    open_time: int
    kind: ConflictKind
    evidence: str
    recorded_at: int = 0


class Conflicts:
    def __init__(self, database: Database, symbols: Symbols) -> None:
        self._database = database
        self._symbols = symbols

    def record(self, conflicts: Sequence[Conflict]) -> None:
        """Store conflicts; one that is stored already keeps the time of its first record."""
        if conflicts:
            self._database.write(lambda c: self._replace(c, conflicts))

    def replace(self, symbol: str, window: Window, conflicts: Sequence[Conflict]) -> None:
        """Store what a whole comparison of a window found, and drop what it no longer finds.

        Resolved conflicts stay: their periods equal the exchange's, and so are no longer found.
        """
        symbol_id = self._symbols.id_of(symbol)
        found = {(one.interval.value, one.open_time) for one in conflicts}
        stored = self.list(symbol, window)
        gone = [
            one
            for one in stored
            if one.kind is not ConflictKind.RESOLVED
            and (one.interval.value, one.open_time) not in found
        ]
        if gone or set(conflicts) - {_unstamped(one) for one in stored}:

            def work(connection: Connection) -> None:
                for one in gone:
                    connection.execute(delete(_table).where(_is(symbol_id, one)))
                self._replace(connection, conflicts)

            self._database.write(work)

    def list(
        self, symbol: str | None = None, window: Window | None = None, limit: int = 10_000
    ) -> list[Conflict]:
        """Return the conflicts of one symbol by open time, or of all, the last recorded first."""
        statement = select(_table).limit(limit)
        if symbol is None:
            statement = statement.order_by(_table.c.recorded_at.desc(), _table.c.open_time)
        else:
            mine = _table.c.symbol_id == self._symbols.id_of(symbol)
            statement = statement.where(mine).order_by(_table.c.open_time, _table.c.period)
        if window is not None:
            statement = statement.where(
                _table.c.open_time >= window.start_ms, _table.c.open_time < window.end_ms
            )
        names = {one.symbol_id: one.name for one in self._symbols.all()}
        rows = self._database.read_primary(lambda c: c.execute(statement).all())
        return [
            Conflict(
                names[row.symbol_id],
                Interval(row.period),
                row.open_time,
                ConflictKind(row.kind),
                row.evidence,
                row.recorded_at,
            )
            for row in rows
        ]

    def _replace(self, connection: Connection, conflicts: Iterable[Conflict]) -> None:
        now = now_ms()
        for one in conflicts:
            key = _is(self._symbols.id_of(one.symbol), one)
            known = connection.execute(select(_table.c.recorded_at).where(key)).scalar()
            connection.execute(delete(_table).where(key))
            connection.execute(
                insert(_table).values(
                    symbol_id=self._symbols.id_of(one.symbol),
                    period=one.interval.value,
                    open_time=one.open_time,
                    kind=one.kind.value,
                    evidence=one.evidence[:_EVIDENCE_CHARACTERS],
                    recorded_at=known or now,
                )
            )


def _is(symbol_id: int, one: Conflict) -> ColumnElement[bool]:
    return and_(
        _table.c.symbol_id == symbol_id,
        _table.c.period == one.interval.value,
        _table.c.open_time == one.open_time,
    )


def _unstamped(one: Conflict) -> Conflict:
    return Conflict(one.symbol, one.interval, one.open_time, one.kind, one.evidence)
