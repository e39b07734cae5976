"""Candidates for expiry: old loaded objects, and complete or explained days."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    fact_klines,
    fact_order_book,
    lake_objects,
    order_book_snapshots,
)
from crypto_assets.warehouse.retention.expiry_blockers import DayStatus, read_day_statuses

_PAGE_ROWS = 1000


@dataclass(frozen=True)
class LoadedObject:
    """The columns of a loaded `LakeObject` that its expiry needs; `fetched_at` in epoch ms."""

    bucket: str
    key: str
    size_bytes: int
    sha256: str
    fetched_at: int


class RetentionCandidates:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def iter_objects(self, bucket: str, before_ms: int) -> Iterator[LoadedObject]:
        """Yield loaded objects whose day, fetch and load are before an instant, oldest first.

        Reads page by page: the caller may move or forget the objects meanwhile.
        """
        last: LoadedObject | None = None
        while True:
            page = self._read_page(_select_aged_objects(bucket, before_ms, last))
            yield from page
            if len(page) < _PAGE_ROWS:
                return
            last = page[-1]

    def find_oldest_minute(self, symbol: str) -> int | None:
        """Find the open time of the oldest stored minute."""
        of_symbol = fact_klines.c.symbol_id == self._symbols.get_id(symbol)
        return self._read_scalar(select(func.min(fact_klines.c.open_time)).where(of_symbol))

    def list_day_statuses(self, symbol: str, window: Window) -> list[DayStatus]:
        """List the status of each day of a window of whole UTC days, oldest first."""
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_primary_read(
            lambda c: read_day_statuses(c, symbol, symbol_id, window)
        )

    def count_minutes(self, symbol: str, before_ms: int) -> int:
        """Count the rows that `facts.expire_minutes` would delete."""
        of_symbol = fact_klines.c.symbol_id == self._symbols.get_id(symbol)
        rows = select(func.count()).where(of_symbol, fact_klines.c.open_time < before_ms)
        return self._read_scalar(rows) or 0

    def count_levels(self, symbol: str, before_ms: int) -> int:
        """Count the rows that `order_books.expire_levels` would delete."""
        symbol_id = self._symbols.get_id(symbol)
        snapshot = order_book_snapshots.c
        newest = select(func.max(snapshot.last_update_id)).where(
            snapshot.symbol_id == symbol_id, snapshot.captured_at < before_ms
        )
        levels = select(func.count()).where(
            fact_order_book.c.symbol_id == symbol_id,
            fact_order_book.c.last_update_id <= newest.scalar_subquery(),
        )
        return self._read_scalar(levels) or 0

    def _read_page(self, statement: Select[Any]) -> list[LoadedObject]:
        rows = self._database.run_primary_read(lambda c: c.execute(statement).all())
        return [LoadedObject(*row) for row in rows]

    def _read_scalar(self, statement: Select[Any]) -> int | None:
        value = self._database.run_primary_read(lambda c: c.execute(statement).scalar())
        return None if value is None else int(value)


def _select_aged_objects(bucket: str, before_ms: int, after: LoadedObject | None) -> Select[Any]:
    table = lake_objects.c
    statement = select(
        table.bucket, table.key, table.size_bytes, table.sha256, table.fetched_at
    ).where(
        table.bucket == bucket,
        table.fetched_at < before_ms,
        table.loaded_at < before_ms,  # not NULL either, so it is loaded
        table.first_time < floor_ms(before_ms, DAY_MS),
    )
    if after:
        same = and_(table.fetched_at == after.fetched_at, table.key > after.key)
        statement = statement.where(or_(table.fetched_at > after.fetched_at, same))
    return statement.order_by(table.fetched_at, table.key).limit(_PAGE_ROWS)
