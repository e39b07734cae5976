"""Deadlocks, lost connections and busy files are retried, and finally raise one clear error."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from crypto_assets.errors import WarehouseUnavailable
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.process_metrics import get_meter
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine import dialect
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, symbol, track

INSERT = "INSERT INTO app_settings (name, value, changed_at) VALUES ('a', '0', 0), ('b', '0', 0)"
INCREMENT = text("UPDATE app_settings SET changed_at = changed_at + 1 WHERE name = :name")


def test_a_deadlock_is_retried(mariadb_warehouse: Warehouse) -> None:
    database = mariadb_warehouse._database
    database.run_write(lambda c: c.exec_driver_sql(INSERT))
    both_have_one_row = threading.Barrier(2)
    attempts = []

    def update_both(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            attempts.append(first)
            connection.execute(INCREMENT, {"name": first})
            if attempts.count(first) == 1:
                both_have_one_row.wait(30)
            connection.execute(INCREMENT, {"name": second})

        database.run_write(work)

    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(update_both, "a", "b"), pool.submit(update_both, "b", "a")]:
            task.result(60)
    assert len(attempts) == 3
    measured = get_meter().registry.get_sample_value
    assert measured("crypto_assets_database_retries_total")
    assert measured("crypto_assets_database_errors_total", {"error": "WarehouseUnavailable"})
    sums = database.run_primary_read(
        lambda c: c.exec_driver_sql("SELECT changed_at FROM app_settings").scalars().all()
    )
    assert list(sums) == [2, 2]


def test_a_connection_lost_between_two_uses_is_reopened(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse
) -> None:
    track(mariadb_warehouse)
    _end_sessions(mariadb, mariadb_warehouse)
    mariadb_warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    _end_sessions(mariadb, mariadb_warehouse)
    assert (
        mariadb_warehouse.facts.read_candles(SYMBOL, Window(START, START + DAY_MS)).num_rows == 1440
    )


def test_a_transaction_that_lost_its_connection_is_retried(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse
) -> None:
    database = mariadb_warehouse._database
    database.run_write(lambda c: c.exec_driver_sql(INSERT))
    attempts = []

    def work(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(INCREMENT, {"name": "a"})
        if len(attempts) == 1:
            _end_sessions(mariadb, mariadb_warehouse)
        connection.execute(INCREMENT, {"name": "b"})

    database.run_write(work)
    assert len(attempts) == 2
    sums = database.run_primary_read(
        lambda c: c.exec_driver_sql("SELECT changed_at FROM app_settings").scalars().all()
    )
    assert list(sums) == [1, 1]


def _end_sessions(mariadb: DatabaseServer, warehouse: Warehouse) -> None:
    database = warehouse._database.url.database
    with mariadb.connect() as admin, admin.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (database,))
        for (session,) in cursor.fetchall():
            cursor.execute(f"KILL {session}")


def test_a_file_that_remains_busy_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_MS", 20)
    path = tmp_path / "warehouse.db"
    warehouse = Warehouse(f"sqlite:///{path}")
    warehouse.migrate_schema()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WarehouseUnavailable, match="written by another process"):
            track(warehouse)
        assert warehouse.symbols.list_tracked() == []
        other.execute("ROLLBACK")
    track(warehouse)
    warehouse.close()


def test_a_repeated_change_of_settings_is_recorded_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lose_confirmations(warehouse, monkeypatch)
    warehouse.app_settings.record_change("symbol BTCUSDT", None, "tracked", who="anna")
    warehouse.app_settings.put_value("interval", 5, who="anna")
    warehouse.app_settings.reset_value("interval", who="anna")
    assert [(change.name, change.new) for change in warehouse.app_settings.list_changes()] == [
        ("interval", None),
        ("interval", 5),
        ("symbol BTCUSDT", "tracked"),
    ]


def test_a_repeated_retry_of_a_gap_counts_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(warehouse)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(START, START + DAY_MS))
    _lose_confirmations(warehouse, monkeypatch)
    for times in (1, 2):
        warehouse.gap_ledger.record_retry(SYMBOL, START, START + times)
        (gap,) = warehouse.gap_ledger.list_gaps(SYMBOL)
        assert (gap.attempts, gap.next_retry_at) == (times, START + times)
    warehouse.gap_ledger.record_retry(SYMBOL, START + 1, START)  # no gap starts there
    assert warehouse.gap_ledger.list_gaps(SYMBOL) == [gap]


def test_a_repeated_registration_reports_the_new_symbols(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [symbol(name) for name in ("ETHUSDT", "BTCUSDT", "SOLUSDT")]
    warehouse.symbols.register_symbols(wanted[:2])
    warehouse.symbols.untrack_symbol("BTCUSDT")
    _lose_confirmations(warehouse, monkeypatch)
    assert warehouse.symbols.register_symbols(wanted) == ["BTCUSDT", "SOLUSDT"]
    assert warehouse.symbols.register_symbols(wanted) == []
    assert len(warehouse.symbols.list_tracked()) == 3


def _lose_confirmations(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each work twice, as after a connection lost between the commit and its confirmation."""
    database = warehouse._database
    write, write_exclusively = database.run_write, database.run_exclusive_write
    monkeypatch.setattr(database, "run_write", lambda work: (write(work), write(work))[1])
    monkeypatch.setattr(
        database,
        "run_exclusive_write",
        lambda lock, work: (write_exclusively(lock, work), write_exclusively(lock, work))[1],
    )
