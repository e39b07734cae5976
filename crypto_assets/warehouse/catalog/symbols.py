"""The catalog of symbols, in the order in which they were registered."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.symbols import (
    FINEST_TICK,
    Symbol,
    SymbolStatus,
    is_tick_size,
    list_possible_symbols,
)
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import symbols


@dataclass(frozen=True)
class RegisteredSymbol:
    """A symbol that was ever tracked; `active_until` (epoch ms) is set while it is untracked."""

    symbol_id: int
    name: str
    base: str
    quote: str
    status: SymbolStatus
    tick_size: Decimal
    active_since: int
    active_until: int | None

    @property
    def is_tracked(self) -> bool:
        return self.active_until is None


class SymbolCatalog:
    """The symbols of the primary, or of the replica that charts read while the primary is down."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[str, int] = {}

    def register_symbols(self, wanted: Sequence[Symbol]) -> list[str]:
        """Track symbols, also formerly tracked ones; return the names not tracked before."""
        by_name = {symbol.name: symbol for symbol in wanted}
        new: set[str] = set()

        def work(connection: Connection) -> list[str]:
            # Kept over a second run after a lost confirmation: to that run no symbol is new.
            new.update(_register_rows(connection, by_name))
            return [name for name in by_name if name in new]

        return self._database.run_exclusive_write("symbols", work)

    def list_tracked(self, *, from_replica: bool = False) -> list[RegisteredSymbol]:
        """List tracked symbols, oldest registration first."""
        return [symbol for symbol in self.list_all(from_replica=from_replica) if symbol.is_tracked]

    def list_all(self, *, from_replica: bool = False) -> list[RegisteredSymbol]:
        """List all symbols, including untracked ones, whose data is still stored."""
        read = self._database.run_read if from_replica else self._database.run_available_read
        rows = read(lambda c: c.execute(select(symbols).order_by(symbols.c.symbol_id)).all())
        return [_parse_symbol_row(row) for row in rows]

    def get_symbol(self, name: str) -> RegisteredSymbol:
        """Return a symbol by its name. Raises UnknownSymbol if it was never registered."""
        row = self._database.run_available_read(
            lambda c: c.execute(select(symbols).where(symbols.c.symbol == name)).first()
        )
        if row is None:
            raise UnknownSymbol(self._format_unknown_symbol(name))
        return _parse_symbol_row(row)

    def resolve_name(self, text: str) -> str:
        """Return the registered name that typed text means. Raises UnknownSymbol."""
        names = list_possible_symbols(text)
        if names[0] in self._ids:
            return names[0]
        rows = self._database.run_available_read(
            lambda c: c.execute(
                select(symbols.c.symbol, symbols.c.symbol_id).where(symbols.c.symbol.in_(names))
            ).all()
        )
        known = {row.symbol: row.symbol_id for row in rows}
        self._ids |= known
        resolved = next((name for name in names if name in known), None)
        if resolved is None:
            raise UnknownSymbol(self._format_unknown_symbol(names[0]))
        return resolved

    def _format_unknown_symbol(self, name: str) -> str:
        return f"{name} is not in the warehouse: {self._database.names.add_symbol}"

    def untrack_symbol(self, name: str) -> None:
        """Stop tracking a symbol; its data remains. Raises UnknownSymbol."""
        symbol_id = self.get_id(name)
        self._database.run_write(
            lambda c: c.execute(
                update(symbols)
                .where(symbols.c.symbol_id == symbol_id, symbols.c.active_until.is_(None))
                .values(active_until=now_ms())
            )
        )

    def update_status(self, listed: Sequence[Symbol]) -> None:
        """Store the current status and tick size that the exchange lists."""
        rows = [
            {"name": s.name, "new_status": s.status.value, "new_tick": s.tick_size} for s in listed
        ]
        statement = (
            update(symbols)
            .where(symbols.c.symbol == bindparam("name"))
            .values(status=bindparam("new_status"), tick_size=bindparam("new_tick"))
        )
        if rows:
            self._database.run_write(lambda c: c.execute(statement, rows))

    def get_id(self, name: str) -> int:
        """Return a symbol's id, cached as it never changes. Raises UnknownSymbol."""
        if name not in self._ids:
            self._ids[name] = self.get_symbol(name).symbol_id
        return self._ids[name]


def _register_rows(connection: Connection, wanted: dict[str, Symbol]) -> list[str]:
    known = {
        row.symbol: row.active_until is None
        for row in connection.execute(select(symbols.c.symbol, symbols.c.active_until))
    }
    new = [symbol for name, symbol in wanted.items() if name not in known]
    untracked = [name for name in wanted if known.get(name) is False]
    if new:
        connection.execute(insert(symbols), [_make_row(symbol) for symbol in new])
    if untracked:
        connection.execute(
            update(symbols).where(symbols.c.symbol.in_(untracked)).values(active_until=None)
        )
    return [name for name in wanted if not known.get(name)]


def _make_row(symbol: Symbol) -> dict[str, object]:
    return {
        "symbol": symbol.name,
        "base": symbol.base,
        "quote": symbol.quote,
        "status": symbol.status.value,
        "tick_size": symbol.tick_size,
        "active_since": now_ms(),
    }


def _parse_symbol_row(row: Row[tuple[object, ...]]) -> RegisteredSymbol:
    return RegisteredSymbol(
        symbol_id=row.symbol_id,
        name=row.symbol,
        base=row.base,
        quote=row.quote,
        status=SymbolStatus(row.status),
        # Earlier versions stored whatever the exchange listed.
        tick_size=row.tick_size if is_tick_size(row.tick_size) else FINEST_TICK,
        active_since=row.active_since,
        active_until=row.active_until,
    )
