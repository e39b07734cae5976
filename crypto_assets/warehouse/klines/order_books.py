"""Order-book snapshots: their figures stay permanently, their levels expire."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, func, insert, select

from crypto_assets.market.candles import PRICE_TYPE, VOLUME_TYPE
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.warehouse.catalog import watermarks
from crypto_assets.warehouse.catalog.lake_objects import mark_objects_loaded
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.engine import arrow_reader
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    fact_order_book,
    lake_objects,
    order_book_snapshots,
)
from crypto_assets.warehouse.engine.time_filters import match_times

# A depth object of the lake and its order book, which is valid.
BookBatch = tuple[LakeObject, OrderBook]

# `imbalance` has ten decimals, from -1 to 1; depths are in base units.
SNAPSHOT_SCHEMA = pa.schema(
    [
        ("captured_at", pa.int64()),
        ("last_update_id", pa.int64()),
        ("best_bid", PRICE_TYPE),
        ("best_ask", PRICE_TYPE),
        ("mid", pa.decimal128(21, 9)),
        ("spread", PRICE_TYPE),
        ("bid_depth", VOLUME_TYPE),
        ("ask_depth", VOLUME_TYPE),
        ("imbalance", pa.decimal128(12, 10)),
    ]
)


class OrderBooks:
    def __init__(self, database: Database, symbols: SymbolCatalog) -> None:
        self._database = database
        self._symbols = symbols

    def load_snapshots(self, symbol: str, batches: Sequence[BookBatch]) -> int:
        """Load depth objects in one transaction under the symbol's lock.

        Returns how many snapshots are new. If several have one update id, the first capture counts,
        in any order of loading. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)

        def work(connection: Connection) -> int:
            mark = watermarks.lock_symbol(connection, symbol_id, ObjectKind.DEPTH)
            captured = _read_capture_times(connection, symbol_id, [book for _, book in batches])
            before = len(captured)
            earliest: dict[int, OrderBook] = {}
            for item, book in batches:
                if book.captured_at < captured.get(book.last_update_id, book.captured_at + 1):
                    earliest[book.last_update_id] = book
                    captured[book.last_update_id] = book.captured_at
                mark = mark.with_rows(book.captured_at, item.fetched_at, 0)
            _replace_snapshots(connection, symbol_id, earliest)
            mark = mark.with_rows(mark.last_open_time or 0, 0, len(captured) - before)
            watermarks.store_watermark(connection, symbol_id, ObjectKind.DEPTH, mark)
            mark_objects_loaded(connection, [item for item, _ in batches], now_ms())
            return len(captured) - before

        return self._database.run_write(work) if batches else 0

    def read_latest(self, symbol: str) -> OrderBook | None:
        """Read the newest snapshot; None if there is none or its levels have expired.

        Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        newest = (
            select(order_book_snapshots.c.last_update_id)
            .where(order_book_snapshots.c.symbol_id == symbol_id)
            .order_by(order_book_snapshots.c.captured_at.desc())
            .limit(1)
        )

        def work(connection: Connection) -> OrderBook | None:
            update_id = connection.execute(newest).scalar()
            return None if update_id is None else _read_order_book(connection, symbol_id, update_id)

        return self._database.run_read(work)

    def read_by_update_id(self, symbol: str, last_update_id: int) -> OrderBook | None:
        """Read a snapshot with its levels; None if there is none or its levels have expired.

        Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(lambda c: _read_order_book(c, symbol_id, last_update_id))

    def read_snapshots(
        self, symbol: str, window: Window, *, limit: int | None = None, newest: bool = False
    ) -> pa.Table:
        """Read the figures of a window's snapshots as SNAPSHOT_SCHEMA, oldest first.

        With `newest`, a limit keeps the window's end instead of its start. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        return self._database.run_read(
            lambda c: arrow_reader.read_symbol_rows(
                c,
                order_book_snapshots,
                symbol_id,
                window,
                SNAPSHOT_SCHEMA,
                time="captured_at",
                limit=limit,
                newest=newest,
            )
        )

    def count_snapshots(self, symbol: str, window: Window) -> int:
        """Count the snapshots that were captured in a window. Raises UnknownSymbol."""
        statement = select(func.count()).where(
            order_book_snapshots.c.symbol_id == self._symbols.get_id(symbol),
            *match_times(order_book_snapshots.c.captured_at, window),
        )
        return self._database.run_read(lambda c: c.execute(statement).scalar_one())

    def find_first_capture(self) -> int | None:
        """Return when the first order book of all symbols was captured, epoch ms; None without any.

        One that is stored in a lake counts also if it is not loaded.
        """
        snapshots = select(func.min(order_book_snapshots.c.captured_at)).group_by(
            order_book_snapshots.c.symbol_id
        )
        objects = (
            select(func.min(lake_objects.c.first_time))
            .where(lake_objects.c.kind == ObjectKind.DEPTH.value)
            .group_by(lake_objects.c.symbol)
        )
        return self._database.run_read(
            lambda c: min((*c.scalars(snapshots), *c.scalars(objects)), default=None)
        )

    def expire_levels(self, symbol: str, before_ms: int) -> int:
        """Delete the levels of snapshots captured before an instant; their figures stay.

        Returns how many levels. Raises UnknownSymbol.
        """
        symbol_id = self._symbols.get_id(symbol)
        # Update ids grow with time, and the key of the levels begins with them.
        bound = select(func.max(order_book_snapshots.c.last_update_id)).where(
            order_book_snapshots.c.symbol_id == symbol_id,
            order_book_snapshots.c.captured_at < before_ms,
        )

        def work(connection: Connection) -> int:
            last = connection.execute(bound).scalar()
            if last is None:
                return 0
            old = (
                fact_order_book.c.symbol_id == symbol_id,
                fact_order_book.c.last_update_id <= last,
            )
            return connection.execute(delete(fact_order_book).where(*old)).rowcount

        return self._database.run_write(work)


def _read_capture_times(
    connection: Connection, symbol_id: int, books: Sequence[OrderBook]
) -> dict[int, int]:
    """Return the capture time of each of the books' update ids that is stored, by update id."""
    table = order_book_snapshots
    ids = {book.last_update_id for book in books}
    rows = connection.execute(
        select(table.c.last_update_id, table.c.captured_at).where(
            table.c.symbol_id == symbol_id, table.c.last_update_id.in_(ids)
        )
    )
    return {row.last_update_id: row.captured_at for row in rows}


def _replace_snapshots(
    connection: Connection, symbol_id: int, books: Mapping[int, OrderBook]
) -> None:
    """Store snapshots by their update ids, in place of those that are stored."""
    if not books:
        return
    for table in (fact_order_book, order_book_snapshots):
        replaced = (table.c.symbol_id == symbol_id, table.c.last_update_id.in_(books))
        connection.execute(delete(table).where(*replaced))
    keys = [
        ({"symbol_id": symbol_id, "last_update_id": at, "captured_at": book.captured_at}, book)
        for at, book in books.items()
    ]
    levels = [
        {**key, "side": side, "level": n, "price": level.price, "quantity": level.quantity}
        for key, book in keys
        for side, side_levels in (("bid", book.bids), ("ask", book.asks))
        for n, level in enumerate(side_levels, start=1)
    ]
    connection.execute(insert(fact_order_book), levels)
    snapshots = [{**key, **_make_snapshot_row(book)} for key, book in keys]
    connection.execute(insert(order_book_snapshots), snapshots)


def _make_snapshot_row(book: OrderBook) -> dict[str, Any]:
    return {
        "best_bid": book.bids[0].price,
        "best_ask": book.asks[0].price,
        "mid": book.mid,
        "spread": book.spread,
        "bid_depth": book.bid_depth,
        "ask_depth": book.ask_depth,
        "imbalance": round(book.imbalance, 10),
    }


def _read_order_book(connection: Connection, symbol_id: int, update_id: int) -> OrderBook | None:
    table = fact_order_book
    statement = (
        select(table)
        .where(table.c.symbol_id == symbol_id, table.c.last_update_id == update_id)
        .order_by(table.c.level)
    )
    rows = connection.execute(statement).all()
    if not rows:
        return None

    def side(name: str) -> tuple[PriceLevel, ...]:
        return tuple(PriceLevel(row.price, row.quantity) for row in rows if row.side == name)

    return OrderBook(update_id, rows[0].captured_at, bids=side("bid"), asks=side("ask"))
