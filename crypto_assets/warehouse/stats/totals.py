"""Totals of the stored data, and hourly snapshots of them for comparison with a day ago."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS
from crypto_assets.warehouse.catalog.lake_objects import LakeObjectCatalog, LakeTotal
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import extraction_metadata, symbols, totals
from crypto_assets.warehouse.stats.coverage import CoverageStats


@dataclass(frozen=True)
class StoredTotals:
    """The minutes of all symbols, the lake per bucket and kind, and the size of the warehouse.

    `warehouse_bytes` is the server's estimate. `lag_ms` is how long ago the newest candle closed of
    the tracked and trading symbol that is furthest behind.
    """

    candles: int
    lake: tuple[LakeTotal, ...]
    warehouse_bytes: int
    lag_ms: int | None

    @property
    def objects(self) -> int:
        return sum(total.objects for total in self.lake)

    @property
    def lake_bytes(self) -> int:
        return sum(total.size_bytes for total in self.lake)


@dataclass(frozen=True)
class TotalsSnapshot:
    """The totals at an instant (epoch ms), as recorded then."""

    taken_at: int
    candles: int
    objects: int
    lake_bytes: int
    warehouse_bytes: int
    lag_ms: int | None


class TotalsHistory:
    def __init__(
        self, database: Database, coverage: CoverageStats, objects: LakeObjectCatalog
    ) -> None:
        self._database = database
        self._coverage = coverage
        self._objects = objects

    def measure_current(self, now_ms: int) -> StoredTotals:
        """Measure the totals from one row per symbol, an index of the lake, and table sizes."""
        candles, furthest = self._database.run_read(
            lambda c: (_count_candles(c), _find_furthest_behind(c))
        )
        return StoredTotals(
            candles=candles,
            lake=tuple(self._objects.list_lake_totals()),
            warehouse_bytes=sum(self._coverage.read_table_sizes().values()),
            lag_ms=None if furthest is None else now_ms - furthest - MINUTE_MS,
        )

    def record_snapshot(self, now_ms: int) -> None:
        """Record the current totals, unless a snapshot is less than an hour old.

        Deletes the snapshots that are no longer needed to compare with a day ago.
        """
        newest = self._database.run_primary_read(
            lambda c: c.execute(select(func.max(totals.c.taken_at))).scalar()
        )
        if newest is not None and newest > now_ms - HOUR_MS:
            return
        current = self.measure_current(now_ms)
        names = ("candles", "objects", "lake_bytes", "warehouse_bytes", "lag_ms")
        row = {"taken_at": now_ms, **{name: getattr(current, name) for name in names}}

        def work(connection: Connection) -> None:
            statement = make_upsert(
                connection, totals, ["taken_at"], lambda new: [(n, new[n]) for n in names]
            )
            connection.execute(statement, row)
            day_ago = _find_day_ago(connection, now_ms)
            if day_ago is not None:
                connection.execute(delete(totals).where(totals.c.taken_at < day_ago))

        self._database.run_write(work)

    def find_snapshot_day_ago(self, now_ms: int) -> TotalsSnapshot | None:
        """Find the newest snapshot at least 24 hours old, or else the oldest one."""

        def work(connection: Connection) -> TotalsSnapshot | None:
            taken_at = _find_day_ago(connection, now_ms)
            if taken_at is None:
                taken_at = connection.execute(select(func.min(totals.c.taken_at))).scalar()
            row = connection.execute(select(totals).where(totals.c.taken_at == taken_at)).first()
            return None if row is None else TotalsSnapshot(**row._mapping)

        return self._database.run_read(work)


def _find_day_ago(connection: Connection, now_ms: int) -> int | None:
    """Find when the newest snapshot at least 24 hours old was taken."""
    statement = select(func.max(totals.c.taken_at)).where(totals.c.taken_at <= now_ms - DAY_MS)
    taken_at: int | None = connection.execute(statement).scalar()
    return taken_at


def _count_candles(connection: Connection) -> int:
    statement = select(func.sum(extraction_metadata.c.record_count)).where(
        extraction_metadata.c.kind == ObjectKind.KLINES.value
    )
    return int(connection.execute(statement).scalar() or 0)


def _find_furthest_behind(connection: Connection) -> int | None:
    """Find the newest open time of the symbol that is furthest behind."""
    mark = extraction_metadata
    of_symbol = and_(
        mark.c.symbol_id == symbols.c.symbol_id, mark.c.kind == ObjectKind.KLINES.value
    )
    statement = (
        select(func.min(mark.c.last_open_time))
        .select_from(symbols.join(mark, of_symbol))
        .where(symbols.c.active_until.is_(None), symbols.c.status == SymbolStatus.TRADING.value)
    )
    newest: int | None = connection.execute(statement).scalar()
    return newest
