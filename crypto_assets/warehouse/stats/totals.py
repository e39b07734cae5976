"""What is held in sum, and what it was a day ago: a row an hour, those of no more use forgotten."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, func, select

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS
from crypto_assets.warehouse.catalog.lake_objects import LakeTotal, Manifest
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import upsert
from crypto_assets.warehouse.engine.schema import extraction_metadata, symbols, totals
from crypto_assets.warehouse.stats.coverage import Coverage


@dataclass(frozen=True)
class Held:
    """Minutes of all symbols, tracked or not; the lake per bucket and kind; the server's estimate
    of the warehouse; and how far the last of the tracked and trading symbols was behind."""

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
class Total:
    """What was held at an instant (epoch ms), as it was noted then."""

    taken_at: int
    candles: int
    objects: int
    lake_bytes: int
    warehouse_bytes: int
    lag_ms: int | None


class Totals:
    def __init__(self, database: Database, coverage: Coverage, objects: Manifest) -> None:
        self._database = database
        self._coverage = coverage
        self._objects = objects

    def held(self, now_ms: int) -> Held:
        """A row a symbol, an index that holds the lake's sizes alone, and the tables' sizes."""
        candles, furthest = self._database.read(lambda c: (_candles(c), _furthest(c)))
        return Held(
            candles=candles,
            lake=tuple(self._objects.totals()),
            warehouse_bytes=sum(self._coverage.sizes().values()),
            lag_ms=None if furthest is None else now_ms - furthest - MINUTE_MS,
        )

    def note(self, now_ms: int) -> None:
        """Keeps what is held now, unless the last hour has been noted; a key lookup where it has.

        What was noted before the newest note of a day ago is forgotten.
        """
        newest = self._database.read_primary(
            lambda c: c.execute(select(func.max(totals.c.taken_at))).scalar()
        )
        if newest is not None and newest > now_ms - HOUR_MS:
            return
        held = self.held(now_ms)
        names = ("candles", "objects", "lake_bytes", "warehouse_bytes", "lag_ms")
        row = {"taken_at": now_ms, **{name: getattr(held, name) for name in names}}

        def work(connection: Connection) -> None:
            statement = upsert(
                connection, totals, ["taken_at"], lambda new: [(n, new[n]) for n in names]
            )
            connection.execute(statement, row)
            then = _day_before(connection, now_ms)
            if then is not None:
                connection.execute(delete(totals).where(totals.c.taken_at < then))

        self._database.write(work)

    def day_before(self, now_ms: int) -> Total | None:
        """The newest note that is 24 hours old or older, else the oldest that there is."""

        def work(connection: Connection) -> Total | None:
            then = _day_before(connection, now_ms)
            if then is None:
                then = connection.execute(select(func.min(totals.c.taken_at))).scalar()
            row = connection.execute(select(totals).where(totals.c.taken_at == then)).first()
            return None if row is None else Total(**row._mapping)

        return self._database.read(work)


def _day_before(connection: Connection, now_ms: int) -> int | None:
    statement = select(func.max(totals.c.taken_at)).where(totals.c.taken_at <= now_ms - DAY_MS)
    found: int | None = connection.execute(statement).scalar()
    return found


def _candles(connection: Connection) -> int:
    statement = select(func.sum(extraction_metadata.c.record_count)).where(
        extraction_metadata.c.kind == ObjectKind.KLINES.value
    )
    return int(connection.execute(statement).scalar() or 0)


def _furthest(connection: Connection) -> int | None:
    """Open time of the newest candle of the symbol that is furthest behind."""
    mark = extraction_metadata
    mine = and_(mark.c.symbol_id == symbols.c.symbol_id, mark.c.kind == ObjectKind.KLINES.value)
    statement = (
        select(func.min(mark.c.last_open_time))
        .select_from(symbols.join(mark, mine))
        .where(symbols.c.active_until.is_(None), symbols.c.status == SymbolStatus.TRADING.value)
    )
    found: int | None = connection.execute(statement).scalar()
    return found
