"""How far each symbol has come: the watermark of each kind of data."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection, and_, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import extraction_metadata, symbols

_FIELD_NAMES = ("last_open_time", "last_fetch_time", "record_count", "purged_before")


class _WatermarkTask(StrEnum):
    """What has a watermark of its own beside the kinds of data."""

    REREAD = "reread"


@dataclass(frozen=True)
class Watermark:
    """Newest open (or capture) time and fetch, in epoch ms, and how many rows are held.

    Nothing before `purged_before` is missing: it was retired.
    """

    last_open_time: int | None = None
    last_fetch_time: int | None = None
    record_count: int = 0
    purged_before: int | None = None

    def with_rows(self, open_time: int, fetched_at: int, records: int) -> "Watermark":
        """With `records` more rows, the newest of which were opened and fetched then."""
        return replace(
            self,
            last_open_time=max(open_time, self.last_open_time or open_time),
            last_fetch_time=max(fetched_at, self.last_fetch_time or fetched_at),
            record_count=self.record_count + records,
        )

    def with_fetch(self, fetched_at: int) -> "Watermark":
        """With a fetch (epoch ms) that brought no row."""
        return replace(self, last_fetch_time=max(fetched_at, self.last_fetch_time or fetched_at))


class Watermarks:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def get_watermark(self, symbol: str, kind: ObjectKind = ObjectKind.KLINES) -> Watermark:
        """All None and 0 before the first load. Raises UnknownSymbol."""
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_primary_read(lambda c: read_watermark(c, symbol_id, kind))

    def get_readable_watermark(self, symbol: str) -> Watermark:
        """Of the candles as they are read for a look at them, which a replica may have later.

        Read it before the candles: these are then as new at least. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(lambda c: read_watermark(c, symbol_id, ObjectKind.KLINES))

    def get_all_readable(self) -> dict[str, Watermark]:
        """The same by symbol, of those that were ever loaded."""
        return self._database.run_read(lambda c: _read_by_symbol(c, ObjectKind.KLINES))

    def get_reread_before(self, symbol: str) -> int | None:
        """End of the newest day (epoch ms) that was read again a week after it closed."""
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_primary_read(
            lambda c: read_watermark(c, symbol_id, _WatermarkTask.REREAD)
        ).last_open_time

    def set_reread_before(self, symbol: str, before_ms: int, at_ms: int) -> None:
        """Notes that days up to `before_ms` have been read again, at an instant; epoch ms."""
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> None:
            lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            mark = read_watermark(connection, symbol_id, _WatermarkTask.REREAD).with_rows(
                before_ms, at_ms, 0
            )
            store_watermark(connection, symbol_id, _WatermarkTask.REREAD, mark)

        self._database.run_write(work)

    def get_all(self, kind: ObjectKind = ObjectKind.KLINES) -> dict[str, Watermark]:
        """By symbol, of those that were ever loaded."""
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
    statement = select(*(extraction_metadata.c[name] for name in _FIELD_NAMES)).where(
        extraction_metadata.c.symbol_id == symbol_id, extraction_metadata.c.kind == kind.value
    )
    row = connection.execute(statement).first()
    return Watermark(*row) if row else Watermark()


def lock_symbol(connection: Connection, symbol_id: int, kind: ObjectKind) -> Watermark:
    """Waits until this transaction is the symbol's only writer; its watermark as it then stands.

    On SQLite a write transaction is the only writer of all.
    """
    held = and_(
        extraction_metadata.c.symbol_id == symbols.c.symbol_id,
        extraction_metadata.c.kind == kind.value,
    )
    statement = (
        select(extraction_metadata.c.symbol_id, *(extraction_metadata.c[n] for n in _FIELD_NAMES))
        .select_from(symbols.outerjoin(extraction_metadata, held))
        .where(symbols.c.symbol_id == symbol_id)
        .with_for_update()
    )
    row = connection.execute(statement).first()
    return Watermark(*row[1:]) if row and row[0] is not None else Watermark()


def store_watermark(
    connection: Connection, symbol_id: int, kind: ObjectKind | _WatermarkTask, mark: Watermark
) -> None:
    """Part of a transaction that holds the symbol's lock."""
    statement = make_upsert(
        connection,
        extraction_metadata,
        ["symbol_id", "kind"],
        lambda new: [(name, new[name]) for name in _FIELD_NAMES],
    )
    values = {name: getattr(mark, name) for name in _FIELD_NAMES}
    connection.execute(statement, {"symbol_id": symbol_id, "kind": kind.value, **values})
