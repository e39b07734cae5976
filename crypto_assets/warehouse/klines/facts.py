"""Minute candles: loading what the lake holds, reading it back, retiring it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pyarrow as pa
from sqlalchemy import Connection, delete, func, select

from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms, now_ms
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import fact_klines, stale_hours
from crypto_assets.warehouse.klines import stale_periods
from crypto_assets.warehouse.klines.conflict_resolution import FETCHED_SCHEMA
from crypto_assets.warehouse.klines.load_transaction import (
    LoadResult,
    LoadTransaction,
    add_provenance,
)
from crypto_assets.warehouse.klines.nonexistent_minutes import (
    NonexistentWindow,
    read_nonexistent_windows,
)
from crypto_assets.warehouse.klines.restore import (
    CompleteWindows,
    RestoreResult,
    RestoreTransaction,
)

# An object of the lake and its candles, validated, as a table of CANDLE_SCHEMA.
KlinesBatch = tuple[LakeObject, pa.Table]


class KlineFacts:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def load_objects(self, symbol: str, batches: Sequence[KlinesBatch]) -> LoadResult:
        """One transaction: rows, revisions, stale hours, watermark and the objects' `loaded_at`.

        The later fetch of a minute wins, so batches may come in any order and as often as wanted.
        Imported minutes that do not exist (see `absence`) are quarantined. Rows before the symbol's
        `purged_before` are left out. Raises UnknownSymbol, LoadRejected.
        """
        symbol_id = self._symbols.get_id(symbol)
        incoming = pa.concat_tables(
            [FETCHED_SCHEMA.empty_table(), *(add_provenance(*batch) for batch in batches)]
        )
        objects = [item for item, _ in batches]

        def work(connection: Connection) -> LoadResult:
            load = LoadTransaction(self._database, connection, symbol, symbol_id, now_ms())
            load.store_versions(incoming, objects)
            load.finish_load(objects)
            return load.result

        return self._database.run_write(work)

    def restore_objects(
        self, symbol: str, batches: Sequence[KlinesBatch], known: CompleteWindows | None = None
    ) -> RestoreResult:
        """One transaction that puts back the minutes of the lake as they stand in it.

        For rebuilding: what is held of these minutes goes, unless a later fetch brought it; other
        minutes stay, but in the stretches that are `known`. Hours and days that would lose minutes
        by it are left alone. Raises UnknownSymbol, LoadRejected.
        """
        symbol_id = self._symbols.get_id(symbol)
        incoming = pa.concat_tables(
            [FETCHED_SCHEMA.empty_table(), *(add_provenance(*batch) for batch in batches)]
        )
        objects = [item for item, _ in batches]

        def work(connection: Connection) -> RestoreResult:
            restoration = RestoreTransaction(
                self._database, connection, symbol, symbol_id, now_ms()
            )
            restored = restoration.restore_versions(incoming, objects, known or CompleteWindows())
            restoration.finish_load(objects)
            return restored

        return self._database.run_write(work)

    def quarantine_imports(self, symbol: str, window: Window, reason: str) -> int:
        """Quarantine the stored minutes of a window that an import brought; returns how many.

        Minutes of other sources stay. Hours and days become stale.
        """
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> int:
            load = LoadTransaction(self._database, connection, symbol, symbol_id, now_ms())
            load.quarantine_nonexistent(NonexistentWindow(window, reason))
            load.finish_load([])
            return load.result.refused

        return self._database.run_write(work)

    def read_candles(
        self, symbol: str, window: Window, *, limit: int | None = None, newest: bool = False
    ) -> pa.Table:
        """Candles of the window as CANDLE_SCHEMA, oldest first; `newest` has a limit keep the end.

        Exact decimals on MySQL and MariaDB; on SQLite the nearest double's eight decimals.
        """
        return self._read_window(symbol, window, CANDLE_SCHEMA, limit, newest)

    def read_fetched_candles(
        self, symbol: str, window: Window, *, limit: int | None = None, newest: bool = False
    ) -> pa.Table:
        """The same with `fetched_at` (epoch ms) and `source`: FETCHED_SCHEMA."""
        return self._read_window(symbol, window, FETCHED_SCHEMA, limit, newest)

    def list_open_times(self, symbol: str, window: Window) -> set[int]:
        """Open times of the candles that are held, from the primary, this moment."""
        mine = stale_periods.match_window(fact_klines, self._symbols.get_id(symbol), window)
        statement = select(fact_klines.c.open_time).where(*mine)
        return set(self._database.run_primary_read(lambda c: c.execute(statement).scalars().all()))

    def list_imported_times(self, symbol: str, window: Window) -> list[int]:
        """Return the open times of the stored minutes that an import brought, ascending."""
        mine = stale_periods.match_window(fact_klines, self._symbols.get_id(symbol), window)
        imported = fact_klines.c.source == Source.IMPORT.value
        statement = select(fact_klines.c.open_time).where(*mine, imported)
        times = self._database.run_primary_read(lambda c: c.execute(statement).scalars().all())
        return sorted(times)

    def list_nonexistent_windows(self, symbol: str, window: Window) -> list[NonexistentWindow]:
        """Return where an import adds no minute, in the days that a window touches."""
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_primary_read(
            lambda c: read_nonexistent_windows(c, symbol, symbol_id, window)
        )

    def _read_window(
        self, symbol: str, window: Window, schema: pa.Schema, limit: int | None, newest: bool
    ) -> pa.Table:
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(
            lambda c: arrow_reader.read_symbol_rows(
                c, fact_klines, symbol_id, window, schema, limit=limit, newest=newest
            )
        )

    def expire_minutes(self, symbol: str, before_ms: int, *, settled: bool = False) -> int:
        """Retires minutes before a UTC midnight, for good; returns how many went.

        From then on nothing before it is loaded, aggregated or called a gap. With `settled`, only
        days before the first with an hour that is yet to be computed. May be killed and repeated.
        Raises ValueError where `before_ms` is no midnight.
        """
        if before_ms % DAY_MS:
            raise ValueError(f"{before_ms} is not the start of a UTC day")
        symbol_id = self._symbols.get_id(symbol)
        past = self._database.run_write(
            lambda c: _close_expired_past(c, symbol_id, before_ms, settled)
        )
        gone = 0
        for day in past.iter_days():
            gone += self._database.run_write(partial(_delete_day, symbol_id=symbol_id, day=day))
        return gone


def _close_expired_past(
    connection: Connection, symbol_id: int, before_ms: int, settled: bool
) -> Window:
    """Sets `purged_before`; what is to go, from the oldest minute that is still held."""
    mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    waiting = stale_hours.c.symbol_id == symbol_id, stale_hours.c.open_time < before_ms
    first = connection.execute(select(func.min(stale_hours.c.open_time)).where(*waiting)).scalar()
    if settled and first is not None:
        before_ms = floor_ms(int(first), DAY_MS)
    before_ms = max(before_ms, mark.purged_before or before_ms)
    closed = replace(mark, purged_before=before_ms)
    watermarks.store_watermark(connection, symbol_id, ObjectKind.KLINES, closed)
    connection.execute(
        delete(stale_hours).where(
            stale_hours.c.symbol_id == symbol_id, stale_hours.c.open_time < before_ms
        )
    )
    oldest = select(func.min(fact_klines.c.open_time)).where(fact_klines.c.symbol_id == symbol_id)
    return Window(int(connection.execute(oldest).scalar() or before_ms), before_ms)


def _delete_day(connection: Connection, symbol_id: int, day: date) -> int:
    window = Window.of_day(day)
    mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    gone = connection.execute(
        delete(fact_klines).where(
            fact_klines.c.symbol_id == symbol_id,
            fact_klines.c.open_time >= window.start_ms,
            fact_klines.c.open_time < window.end_ms,
        )
    ).rowcount
    left = replace(mark, record_count=mark.record_count - gone)
    watermarks.store_watermark(connection, symbol_id, ObjectKind.KLINES, left)
    return gone
