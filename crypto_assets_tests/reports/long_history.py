"""A warehouse with years of history, created fast by copying rows further back."""

from sqlalchemy import Connection, Table, insert, select, text

from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.schema import (
    daily_klines,
    fact_klines,
    hourly_klines,
    kline_gaps,
    kline_revisions,
    metadata,
)
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets_tests.reports.conftest import STOCK, UNTIL
from crypto_assets_tests.reports.stock import describe, generated, load

SYMBOLS = ("BTCUSDT", "SHIBUSDT")
# How often sixteen days are doubled: 128 days of minutes, 2.8 years of hours, 22 years of days.
DOUBLINGS = {fact_klines: 2, hourly_klines: 6, daily_klines: 9}
OBJECTS = 4000


def stock_long(warehouse: Warehouse) -> None:
    """Store candles of two symbols, and thousands of objects, gaps, revisions and bad rows."""
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe(name) for name in SYMBOLS])
    for name in SYMBOLS:
        load(warehouse, name, generated(name, STOCK))
    warehouse.lake_objects.record_objects([_object(number) for number in range(OBJECTS)])
    warehouse.quarantine.add_records([_broken(number) for number in range(OBJECTS)])
    warehouse._database.run_write(_lengthen)


def _object(number: int) -> LakeObject:
    return LakeObject(
        bucket="raw",
        key=f"{number:05}.json",
        symbol=SYMBOLS[number % 2],
        kind=ObjectKind.KLINES,
        source=Source.REST,
        first_time=UNTIL - number * DAY_MS // 100,
        last_time=UNTIL - number * DAY_MS // 100,
        rows=1,
        size_bytes=number,
        sha256=f"{number}",
        fetched_at=UNTIL - number * DAY_MS // 100,
    )


def _broken(number: int) -> QuarantineRecord:
    symbol = SYMBOLS[number % 2]
    return QuarantineRecord(
        symbol, ObjectKind.KLINES, "raw", f"{number:05}.json", "broken", "[]", UNTIL
    )


def _lengthen(connection: Connection) -> None:
    for table, doublings in DOUBLINGS.items():
        for doubling in range(doublings):
            _double(connection, table, 16 * DAY_MS * 2**doubling)
    _add_gaps(connection)
    _add_revisions(connection)
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"ANALYZE TABLE {', '.join(metadata.tables)}"))


def _double(connection: Connection, table: Table, back_ms: int) -> None:
    moved = {"open_time", "close_time"}
    columns = [(c - back_ms).label(c.name) if c.name in moved else c for c in table.c]
    connection.execute(insert(table).from_select([c.name for c in table.c], select(*columns)))


def _add_gaps(connection: Connection) -> None:
    rows = [
        {
            "symbol_id": 1 + number % 2,
            "start": UNTIL - number * DAY_MS,
            "end": UNTIL - number * DAY_MS,
            "minutes": 1,
            "class": "outage",
            "evidence": "REST has nothing",
            "first_seen": UNTIL,
            "attempts": 1,
        }
        for number in range(2, 2000)
    ]
    connection.execute(insert(kline_gaps), rows)


def _add_revisions(connection: Connection) -> None:
    values = {c.name: 1 for c in kline_revisions.c if c.name.partition("_")[0] in ("old", "new")}
    words = {"old_source": "rest", "new_source": "archive"}
    rows = [
        {
            **values,
            **words,
            "symbol_id": 1 + number % 2,
            "open_time": UNTIL - number * DAY_MS,
            "noted_at": UNTIL - number,
        }
        for number in range(OBJECTS)
    ]
    connection.execute(insert(kline_revisions), rows)
