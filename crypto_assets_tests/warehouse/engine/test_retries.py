"""Deadlocks, lost connections and busy files are asked again, and end as one clear error."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from crypto_assets.errors import WarehouseUnavailable
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine import dialect
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, symbol, track

BOOK = "INSERT INTO app_settings (name, value, changed_at) VALUES ('a', '0', 0), ('b', '0', 0)"
ADD = text("UPDATE app_settings SET changed_at = changed_at + 1 WHERE name = :name")


def test_a_deadlock_is_run_again(mariadb_warehouse: Warehouse) -> None:
    database = mariadb_warehouse._database
    database.run_write(lambda c: c.exec_driver_sql(BOOK))
    both_hold_one = threading.Barrier(2)
    attempts = []

    def cross(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            attempts.append(first)
            connection.execute(ADD, {"name": first})
            if attempts.count(first) == 1:
                both_hold_one.wait(30)
            connection.execute(ADD, {"name": second})

        database.run_write(work)

    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(cross, "a", "b"), pool.submit(cross, "b", "a")]:
            task.result(60)
    assert len(attempts) == 3
    sums = database.run_primary_read(
        lambda c: c.exec_driver_sql("SELECT changed_at FROM app_settings").scalars().all()
    )
    assert list(sums) == [2, 2]


def test_a_connection_lost_between_two_uses_is_opened_anew(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse
) -> None:
    track(mariadb_warehouse)
    _end_sessions(mariadb, mariadb_warehouse)
    mariadb_warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
    _end_sessions(mariadb, mariadb_warehouse)
    assert (
        mariadb_warehouse.facts.read_candles(SYMBOL, Window(START, START + DAY_MS)).num_rows == 1440
    )


def test_a_connection_lost_in_a_transaction_is_run_again(
    mariadb: DatabaseServer, mariadb_warehouse: Warehouse
) -> None:
    database = mariadb_warehouse._database
    database.run_write(lambda c: c.exec_driver_sql(BOOK))
    attempts = []

    def work(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(ADD, {"name": "a"})
        if len(attempts) == 1:
            _end_sessions(mariadb, mariadb_warehouse)
        connection.execute(ADD, {"name": "b"})

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


def test_a_file_that_stays_busy_is_unavailable_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "BUSY_TIMEOUT_MS", 20)
    path = tmp_path / "warehouse.db"
    warehouse = Warehouse(f"sqlite:///{path}")
    warehouse.migrate_schema()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WarehouseUnavailable, match="written by another process"):
            track(warehouse)
        assert warehouse.symbols.list_tracked() == []
        other.execute("ROLLBACK")
    track(warehouse)
    warehouse.close()


def test_work_whose_commit_was_not_heard_of_leaves_the_same_when_run_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lose_answers(warehouse, monkeypatch)
    warehouse.app_settings.record_change("symbol BTCUSDT", None, "tracked", who="anna")
    warehouse.app_settings.put_value("interval", 5, who="anna")
    warehouse.app_settings.reset_value("interval", who="anna")
    assert [(change.name, change.new) for change in warehouse.app_settings.list_changes()] == [
        ("interval", None),
        ("interval", 5),
        ("symbol BTCUSDT", "tracked"),
    ]


def test_a_retry_of_a_gap_counts_once_though_its_commit_was_not_heard_of(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(warehouse)
    warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(START, START + DAY_MS))
    _lose_answers(warehouse, monkeypatch)
    for times in (1, 2):
        warehouse.gap_ledger.record_retry(SYMBOL, START, START + times)
        (gap,) = warehouse.gap_ledger.list_gaps(SYMBOL)
        assert (gap.attempts, gap.next_retry_at) == (times, START + times)
    warehouse.gap_ledger.record_retry(SYMBOL, START + 1, START)  # no gap begins there
    assert warehouse.gap_ledger.list_gaps(SYMBOL) == [gap]


def test_symbols_are_new_though_the_commit_was_not_heard_of(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [symbol(name) for name in ("ETHUSDT", "BTCUSDT", "SOLUSDT")]
    warehouse.symbols.register_symbols(wanted[:2])
    warehouse.symbols.untrack_symbol("BTCUSDT")
    _lose_answers(warehouse, monkeypatch)
    assert warehouse.symbols.register_symbols(wanted) == ["BTCUSDT", "SOLUSDT"]
    assert warehouse.symbols.register_symbols(wanted) == []
    assert len(warehouse.symbols.list_tracked()) == 3


def _lose_answers(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is lost after the server has committed and before it says so."""
    database = warehouse._database
    write, alone = database.run_write, database.run_exclusive_write
    monkeypatch.setattr(database, "run_write", lambda work: (write(work), write(work))[1])
    monkeypatch.setattr(
        database,
        "run_exclusive_write",
        lambda lock, work: (alone(lock, work), alone(lock, work))[1],
    )
