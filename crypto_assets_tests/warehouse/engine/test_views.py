"""The views for people, and the rights of the writer and the reader."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from crypto_assets.errors import WarehouseRefused
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.grants import PRIVATE_TABLES, list_readable_tables
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.warehouse.books import order_book
from crypto_assets_tests.warehouse.minutes import (
    START,
    SYMBOL,
    batch,
    minute,
    minutes,
    table,
    track,
)
from crypto_assets_tests.warehouse.stored_minutes import detect_missing_ranges

LATER = START + 9 * DAY_MS
WEBHOOK = "https://hooks.example/planted-4711"
# 2024-01-01T00:00:13.999Z, off the minute
ODD = START + 13_999


def _fill(warehouse: Warehouse) -> None:
    track(warehouse)
    rows = table([minute(ODD), minute(START + MINUTE_MS)])
    warehouse.facts.load_objects(SYMBOL, [batch(rows)])
    warehouse.aggregates.recompute_hours(SYMBOL, Window(START, LATER), LATER)
    warehouse.aggregates.recompute_days(SYMBOL, Window(START, LATER), LATER)
    warehouse.order_books.load_snapshots(SYMBOL, [order_book(7, ODD)])


def test_views_show_names_and_utc_in_any_session(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse
) -> None:
    _fill(mariadb_warehouse)

    def query(statement: str) -> list[tuple[Any, ...]]:
        database = mariadb_warehouse._database.url.database
        with mariadb.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+09:00'")
            cursor.execute(statement)
            return list(cursor.fetchall())

    odd = datetime(2024, 1, 1, 0, 0, 13, 999_000)  # noqa: DTZ001 (a DATETIME has no zone)
    last = datetime(2024, 1, 1, 0, 1, 59, 999_000)  # noqa: DTZ001
    closing = query("SELECT symbol, open_time, open, close_time, source FROM klines_1m")
    assert closing[0][:3] == (SYMBOL, odd, Decimal(100))
    assert closing[1][3:] == (last, "archive")
    hour_ends = datetime(2024, 1, 1, 0, 59, 59, 999_000)  # noqa: DTZ001
    assert query("SELECT close_time, minute_count, open_time_ms FROM klines_1h") == [
        (hour_ends, 2, START)
    ]
    assert query("SELECT symbol, minute_count FROM klines_1d") == [(SYMBOL, 2)]
    levels = query("SELECT captured_at, side, level, price FROM order_book ORDER BY side, level")
    assert levels[0] == (odd, "ask", 1, Decimal("100.00000004"))
    kinds = query(
        "SELECT DISTINCT data_type, datetime_precision FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND column_name = 'open_time'"
        " AND table_name LIKE 'klines_1_'"
    )
    assert kinds == [("datetime", 3)]


def test_views_of_sqlite_show_times_as_iso_text(tmp_path: Any) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    _fill(warehouse)
    statement = "SELECT symbol, open_time, close_time FROM klines_1m ORDER BY open_time"
    rows = warehouse._database.run_read(lambda c: c.exec_driver_sql(statement).all())
    assert [tuple(row) for row in rows] == [
        (SYMBOL, "2024-01-01T00:00:13.999Z", "2024-01-01T00:01:13.998Z"),
        (SYMBOL, "2024-01-01T00:01:00.000Z", "2024-01-01T00:01:59.999Z"),
    ]
    warehouse.close()


def test_the_granted_rights_are_sufficient_and_minimal(mariadb: DatabaseServer) -> None:
    database = mariadb.fresh().rpartition("/")[2]
    planned = Warehouse(mariadb.url(database, "crypto_writer", "unused"))
    statements = planned.format_grants().replace("choose-a-password", "Secret-1").split(";\n")
    mariadb.execute(*(statement for statement in statements if statement.strip()))

    writer = Warehouse(mariadb.url(database, "crypto_writer", "Secret-1"))
    writer.migrate_schema()
    _fill(writer)
    assert writer.facts.load_objects(SYMBOL, [batch(minutes(START + HOUR_MS, 600))]).new == 600
    assert writer.facts.expire_minutes(SYMBOL, START) == 0

    reader = Warehouse(mariadb.url(database, "crypto_reader", "Secret-1"))
    assert reader.facts.read_candles(SYMBOL, Window(START, LATER)).num_rows == 602
    reader._database.run_read(lambda c: c.exec_driver_sql("SELECT * FROM klines_1h").all())
    with pytest.raises(WarehouseRefused, match="lacks a privilege"):
        reader.app_settings.put_value("a", 1, who="reader")
    writer.app_settings.put_value("alert_webhook_url", WEBHOOK, who="writer", secret=True)
    for name in (private.name for private in PRIVATE_TABLES):
        with pytest.raises(WarehouseRefused, match="lacks a privilege"):
            select_all(reader, name)
    for name in list_readable_tables():
        assert WEBHOOK not in str(select_all(reader, name))
    for warehouse in (planned, writer, reader):
        warehouse.close()


def select_all(warehouse: Warehouse, name: str) -> object:
    statement = f"SELECT * FROM {name}"
    return warehouse._database.run_read(lambda c: c.exec_driver_sql(statement).all())


def test_every_table_and_view_is_readable_or_private(
    mariadb: DatabaseServer, mariadb_warehouse_url: str
) -> None:
    database = mariadb_warehouse_url.rpartition("/")[2]
    with mariadb.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        existing = {name for (name,) in cursor.fetchall()}
    assert existing == {
        *list_readable_tables(),
        *(private.name for private in PRIVATE_TABLES),
        "alembic_version",
    }


def test_a_reader_that_can_read_secrets_is_reported(
    mariadb: DatabaseServer, mariadb_warehouse_url: str
) -> None:
    """Earlier versions granted it every table; the SQL of the warning takes that back."""
    database = mariadb_warehouse_url.rpartition("/")[2]
    mariadb.execute(
        "DROP USER IF EXISTS charts@'%'",
        "CREATE USER charts@'%' IDENTIFIED BY 'Secret-1'",
        f"GRANT SELECT, SHOW VIEW ON {database}.* TO charts@'%'",
    )
    warehouse = Warehouse(mariadb_warehouse_url, mariadb.url(database, "charts", "Secret-1"))
    (warning,) = warehouse.read_server.list_warnings()
    assert "'charts' can read app_settings, audit_log, " in warning
    (statement,) = re.findall(r"REVOKE .*?;", warning)
    mariadb.execute(statement)
    grants = warehouse.format_grants().replace("choose-a-password", "Secret-1").split(";\n")
    mariadb.execute(*(grant for grant in grants if "charts" in grant))
    warehouse.close()  # a session keeps the rights on its database
    assert warehouse.read_server.list_warnings() == []
    track(warehouse)
    assert warehouse.facts.read_candles(SYMBOL, Window(START, LATER)).num_rows == 0
    warehouse.close()


def test_charts_read_the_replica_and_the_pipeline_reads_the_primary(
    mariadb: DatabaseServer, mariadb_warehouse_url: str
) -> None:
    stale = mariadb.fresh()
    old = Warehouse(stale)
    old.migrate_schema()
    track(old)
    both = Warehouse(mariadb_warehouse_url, read_url=stale)
    _fill(both)
    assert both.facts.read_candles(SYMBOL, Window(START, LATER)).num_rows == 0
    assert both.watermarks.get_watermark(SYMBOL).record_count == 2
    assert detect_missing_ranges(both, SYMBOL, Window(START, START + 2 * MINUTE_MS)) == []
    for warehouse in (old, both):
        warehouse.close()
