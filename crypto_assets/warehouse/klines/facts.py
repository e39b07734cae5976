"""Stored minute candles: load them from the lake's objects, read them, expire them."""

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
from crypto_assets.warehouse.engine.time_filters import match_window
from crypto_assets.warehouse.klines.conflict_resolution import FETCHED_SCHEMA
from crypto_assets.warehouse.klines.fetch_times import change_fetch_time
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

# A klines object of the lake and its valid candles, as a table of CANDLE_SCHEMA.
KlinesBatch = tuple[LakeObject, pa.Table]


class KlineFacts:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def load_objects(self, symbol: str, batches: Sequence[KlinesBatch]) -> LoadResult:
        """Load klines objects in one transaction, under the symbol's lock.

        Writes rows, revisions, stale hours, the watermark and the objects' `loaded_at`. Batches may
        come in any order and repeatedly; `conflict_resolution` decides which version of a minute
        counts. Minutes that do not exist are quarantined; see `nonexistent_minutes`. Rows before
        the symbol's `purged_before` are ignored. Raises UnknownSymbol, LoadRejected.
        """
        symbol_id = self._symbols.get_id(symbol)
        incoming, objects = _concat_batches(batches)

        def work(connection: Connection) -> LoadResult:
            load = LoadTransaction(self._database, connection, symbol, symbol_id, now_ms())
            load.store_versions(incoming, objects)
            load.finish_load(objects)
            return load.result

        return self._database.run_bulk_load(incoming.num_rows, work)

    def restore_objects(
        self, symbol: str, batches: Sequence[KlinesBatch], complete: CompleteWindows | None = None
    ) -> RestoreResult:
        """Restore the minutes of klines objects in one transaction, for a rebuild from the lake.

        Replaces the stored versions of these minutes unless they are of a later fetch. Other
        minutes stay, except in `complete` windows. Hours and days that would lose minutes are not
        recomputed. Raises UnknownSymbol, LoadRejected.
        """
        symbol_id = self._symbols.get_id(symbol)
        incoming, objects = _concat_batches(batches)

        def work(connection: Connection) -> RestoreResult:
            restore = RestoreTransaction(self._database, connection, symbol, symbol_id, now_ms())
            restored = restore.restore_versions(incoming, objects, complete or CompleteWindows())
            restore.finish_load(objects)
            return restored

        return self._database.run_bulk_load(incoming.num_rows, work)

    def quarantine_imports(self, symbol: str, window: Window, reason: str) -> None:
        """Quarantine the imported minutes of a window; those of other sources stay.

        Their hours and days become stale. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> None:
            load = LoadTransaction(self._database, connection, symbol, symbol_id, now_ms())
            load.quarantine_nonexistent(NonexistentWindow(window, reason))
            load.finish_load([])

        self._database.run_write(work)

    def change_fetch_time(self, item: LakeObject, fetched_at: int) -> None:
        """Record another fetch time (epoch ms) of a klines object, and of minutes loaded from it.

        It takes effect in manifest, minutes and watermark. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(item.symbol)
        self._database.run_write(
            lambda connection: change_fetch_time(connection, symbol_id, item, fetched_at)
        )

    def read_candles(
        self, symbol: str, window: Window, *, limit: int | None = None, newest: bool = False
    ) -> pa.Table:
        """Read the candles of a window as CANDLE_SCHEMA, oldest first.

        With `newest`, a limit keeps the window's end instead of its start. Decimals are exact on
        MySQL and MariaDB; SQLite stores doubles. Raises UnknownSymbol.
        """
        return self._read_window(symbol, window, CANDLE_SCHEMA, limit, newest)

    def read_fetched_candles(
        self, symbol: str, window: Window, *, limit: int | None = None, newest: bool = False
    ) -> pa.Table:
        """Read candles as `read_candles` does, with `fetched_at` (epoch ms) and `source`.

        Returns FETCHED_SCHEMA.
        """
        return self._read_window(symbol, window, FETCHED_SCHEMA, limit, newest)

    def list_open_times(self, symbol: str, window: Window) -> set[int]:
        """Return the open times of the stored candles, read from the primary."""
        in_window = match_window(fact_klines, self._symbols.get_id(symbol), window)
        statement = select(fact_klines.c.open_time).where(*in_window)
        return set(self._database.run_primary_read(lambda c: c.execute(statement).scalars().all()))

    def list_times_of_source(self, symbol: str, window: Window, source: Source) -> list[int]:
        """Return the open times of the stored minutes of a source, ascending."""
        in_window = match_window(fact_klines, self._symbols.get_id(symbol), window)
        of_source = fact_klines.c.source == source.value
        statement = select(fact_klines.c.open_time).where(*in_window, of_source)
        times = self._database.run_primary_read(lambda c: c.execute(statement).scalars().all())
        return sorted(times)

    def list_nonexistent_windows(self, symbol: str, window: Window) -> list[NonexistentWindow]:
        """List where an import adds no minute, in the days that a window touches."""
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

    def expire_minutes(self, symbol: str, before_ms: int, *, keep_stale_days: bool = False) -> int:
        """Delete the minutes before a UTC midnight permanently; returns how many.

        From then on no minute before it is loaded, aggregated or recorded as a gap. With
        `keep_stale_days`, only the days before the first stale hour expire. The call may be killed
        and repeated. Raises ValueError if `before_ms` is not a midnight, and UnknownSymbol.
        """
        _require_midnight(before_ms)
        symbol_id = self._symbols.get_id(symbol)
        expired = self._database.run_write(
            lambda c: _set_purged_before(c, symbol_id, before_ms, keep_stale_days)
        )
        return sum(
            self._database.run_write(partial(_delete_day, symbol_id=symbol_id, day=day))
            for day in expired.iter_days()
        )

    def lift_expiry(self, symbol: str, from_ms: int) -> Window | None:
        """Allow minutes from a UTC midnight on (epoch ms) to be fetched and loaded again.

        Returns the window that is no longer expired, None if none of it was. Hours and days stay
        until their minutes are loaded. Raises ValueError if `from_ms` is not a midnight, and
        UnknownSymbol.
        """
        _require_midnight(from_ms)
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> Window | None:
            mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
            if mark.purged_before is None or from_ms >= mark.purged_before:
                return None
            watermarks.store_watermark(
                connection, symbol_id, ObjectKind.KLINES, replace(mark, purged_before=from_ms)
            )
            return Window(from_ms, mark.purged_before)

        return self._database.run_write(work)


def _require_midnight(ms: int) -> None:
    if ms % DAY_MS:
        raise ValueError(f"{ms} is not the start of a UTC day")


def _concat_batches(batches: Sequence[KlinesBatch]) -> tuple[pa.Table, list[LakeObject]]:
    """Return the candles of all objects as FETCHED_SCHEMA, and the objects."""
    tables = [FETCHED_SCHEMA.empty_table(), *(add_provenance(*batch) for batch in batches)]
    return pa.concat_tables(tables).combine_chunks(), [item for item, _ in batches]


def _set_purged_before(
    connection: Connection, symbol_id: int, before_ms: int, keep_stale_days: bool
) -> Window:
    """Set `purged_before`; returns the window to delete, from the oldest stored minute."""
    mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    stale = stale_hours.c.symbol_id == symbol_id, stale_hours.c.open_time < before_ms
    first = connection.execute(select(func.min(stale_hours.c.open_time)).where(*stale)).scalar()
    if keep_stale_days and first is not None:
        before_ms = floor_ms(int(first), DAY_MS)
    before_ms = max(before_ms, mark.purged_before or before_ms)
    watermarks.store_watermark(
        connection, symbol_id, ObjectKind.KLINES, replace(mark, purged_before=before_ms)
    )
    connection.execute(
        delete(stale_hours).where(
            stale_hours.c.symbol_id == symbol_id, stale_hours.c.open_time < before_ms
        )
    )
    oldest = select(func.min(fact_klines.c.open_time)).where(fact_klines.c.symbol_id == symbol_id)
    return Window(int(connection.execute(oldest).scalar() or before_ms), before_ms)


def _delete_day(connection: Connection, symbol_id: int, day: date) -> int:
    mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.KLINES)
    of_day = match_window(fact_klines, symbol_id, Window.of_day(day))
    deleted = connection.execute(delete(fact_klines).where(*of_day)).rowcount
    left = replace(mark, record_count=mark.record_count - deleted)
    watermarks.store_watermark(connection, symbol_id, ObjectKind.KLINES, left)
    return deleted
