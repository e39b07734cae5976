"""Watermarks: how far each symbol is loaded, per kind of data."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from sqlalchemy import Connection, and_, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import extraction_metadata, symbols

_FIELD_NAMES = ("last_open_time", "last_fetch_time", "record_count", "purged_before")


class _WatermarkTask(StrEnum):
    """A task with a watermark of its own, beside the kinds of data."""

    REREAD = "reread"


@dataclass(frozen=True)
class Watermark:
    """The newest open (or capture) time and fetch, and the number of stored rows.

    Times are in epoch ms. Rows before `purged_before` have expired.
    """

    last_open_time: int | None = None
    last_fetch_time: int | None = None
    record_count: int = 0
    purged_before: int | None = None

    def with_rows(self, open_time: int, fetched_at: int, records: int) -> Self:
        """Return a watermark with `records` more rows, and with their newest times (epoch ms)."""
        return replace(
            self,
            last_open_time=max(open_time, self.last_open_time or open_time),
            last_fetch_time=max(fetched_at, self.last_fetch_time or fetched_at),
            record_count=self.record_count + records,
        )

    def with_fetch(self, fetched_at: int) -> Self:
        """Return a watermark with a fetch (epoch ms) without rows."""
        return replace(self, last_fetch_time=max(fetched_at, self.last_fetch_time or fetched_at))


class Watermarks:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def get_watermark(self, symbol: str, kind: ObjectKind = ObjectKind.KLINES) -> Watermark:
        """Return a symbol's watermark, empty before its first load. Raises UnknownSymbol."""
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_primary_read(lambda c: read_watermark(c, symbol_id, kind))

    def get_readable_watermark(self, symbol: str) -> Watermark:
        """Return the watermark of the candles that charts read, from a replica if there is one.

        Read it before the candles, which are then at least as new. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(lambda c: read_watermark(c, symbol_id, ObjectKind.KLINES))

    def get_all_readable(self) -> dict[str, Watermark]:
        """Return the watermarks of `get_readable_watermark` by symbol, of those ever loaded."""
        return self._database.run_read(lambda c: _read_by_symbol(c, ObjectKind.KLINES))

    def get_reread_before(self, symbol: str) -> int | None:
        """Return the end of the newest day (epoch ms) fetched again a week after it closed."""
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_primary_read(
            lambda c: read_watermark(c, symbol_id, _WatermarkTask.REREAD)
        ).last_open_time

    def set_reread_before(self, symbol: str, before_ms: int, at_ms: int) -> None:
        """Record that days before `before_ms` were fetched again at `at_ms`; both epoch ms."""
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> None:
            lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            mark = read_watermark(connection, symbol_id, _WatermarkTask.REREAD).with_rows(
                before_ms, at_ms, 0
            )
            store_watermark(connection, symbol_id, _WatermarkTask.REREAD, mark)

        self._database.run_write(work)

    def get_all(self, kind: ObjectKind = ObjectKind.KLINES) -> dict[str, Watermark]:
        """Return the watermarks of one kind by symbol, of those ever loaded."""
        return self._database.run_primary_read(lambda c: _read_by_symbol(c, kind))


def _read_by_symbol(connection: Connection, kind: ObjectKind) -> dict[str, Watermark]:
    statement = (
        select(symbols.c.symbol, *(extraction_metadata.c[name] for name in _FIELD_NAMES))
        .join(symbols, symbols.c.symbol_id == extraction_metadata.c.symbol_id)
        .where(extraction_metadata.c.kind == kind.value)
        .order_by(symbols.c.symbol_id)
    )
    return {name: Watermark(*fields) for name, *fields in connection.execute(statement)}


def read_watermark(
    connection: Connection, symbol_id: int, kind: ObjectKind | _WatermarkTask
) -> Watermark:
    """Read a symbol's watermark, empty before its first load, without a lock."""
    statement = select(*(extraction_metadata.c[name] for name in _FIELD_NAMES)).where(
        extraction_metadata.c.symbol_id == symbol_id, extraction_metadata.c.kind == kind.value
    )
    row = connection.execute(statement).first()
    return Watermark(*row) if row else Watermark()


def lock_symbol(connection: Connection, symbol_id: int, kind: ObjectKind) -> Watermark:
    """Lock a symbol for this transaction, and return its watermark.

    Waits for the symbol's other writers. On SQLite a write transaction excludes all others.
    """
    of_symbol = and_(
        extraction_metadata.c.symbol_id == symbols.c.symbol_id,
        extraction_metadata.c.kind == kind.value,
    )
    statement = (
        select(extraction_metadata.c.symbol_id, *(extraction_metadata.c[n] for n in _FIELD_NAMES))
        .select_from(symbols.outerjoin(extraction_metadata, of_symbol))
        .where(symbols.c.symbol_id == symbol_id)
        .with_for_update()
    )
    row = connection.execute(statement).first()
    return Watermark(*row[1:]) if row and row[0] is not None else Watermark()


def store_watermark(
    connection: Connection, symbol_id: int, kind: ObjectKind | _WatermarkTask, mark: Watermark
) -> None:
    """Store a watermark as part of a transaction that holds the symbol's lock."""
    statement = make_upsert(
        connection,
        extraction_metadata,
        ["symbol_id", "kind"],
        lambda new: [(name, new[name]) for name in _FIELD_NAMES],
    )
    values = {name: getattr(mark, name) for name in _FIELD_NAMES}
    connection.execute(statement, {"symbol_id": symbol_id, "kind": kind.value, **values})
