"""A database that fails over, restarts, is killed or interrupted: work continues if it can."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import Connection, text

from crypto_assets.errors import WarehouseUnavailable
from crypto_assets.market.utc_time import DAY_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.database import MAX_ATTEMPTS
from crypto_assets_tests.services.gate import Gate, gate_before
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, batch, minutes, track

WRITERS = 6
DATABASE = "market"
# Unlike root, this user cannot write to a read-only server.
_ACCOUNT = (
    f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "CREATE USER writer@'%' IDENTIFIED BY 'word'",
    f"GRANT ALL ON {DATABASE}.* TO writer@'%'",
)
_SLOW = text("SELECT COUNT(*) FROM symbols WHERE SLEEP(60)")
_RECORD = text("INSERT INTO app_settings VALUES (:name, '0', 0)")


def url_of(port: int) -> str:
    return f"mysql+pymysql://writer:word@127.0.0.1:{port}/{DATABASE}"


def prepared(server: DatabaseServer) -> DatabaseServer:
    """Create the user and an empty warehouse on a server."""
    server.execute(*_ACCOUNT)
    warehouse = Warehouse(url_of(server.port))
    warehouse.migrate_schema()
    track(warehouse)
    warehouse.close()
    return server


@pytest.fixture(scope="module")
def _old(own_mariadb: StartServer) -> DatabaseServer:
    return prepared(own_mariadb())


@pytest.fixture(scope="module")
def _new(own_mariadb: StartServer) -> DatabaseServer:
    return prepared(own_mariadb())


@pytest.fixture
def server(_old: DatabaseServer) -> Iterator[DatabaseServer]:
    """The primary, which no test may stop, since the tests of this file share it."""
    emptied(_old)
    yield _old
    _old.execute("SET GLOBAL read_only = 0", "ALTER USER writer@'%' WITH MAX_USER_CONNECTIONS 0")


@pytest.fixture
def new(_new: DatabaseServer) -> DatabaseServer:
    """The server that replaces the primary."""
    emptied(_new)
    return _new


@pytest.fixture
def gate(server: DatabaseServer) -> Iterator[Gate]:
    """The address at which the warehouse expects the primary."""
    with gate_before(server.port) as gate:
        yield gate


@pytest.fixture
def warehouse(gate: Gate) -> Iterator[Warehouse]:
    warehouse = Warehouse(url_of(gate.port))
    yield warehouse
    warehouse.close()


def emptied(server: DatabaseServer) -> None:
    tables = ("app_settings", "audit_log", "fact_klines", "stale_hours", "extraction_metadata")
    server.execute(*(f"DELETE FROM {table}" for table in tables), database=DATABASE)


def names(server: DatabaseServer) -> set[str]:
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM app_settings")
        return {name for (name,) in cursor.fetchall()}


def write_at_once(warehouse: Warehouse, prefix: str) -> set[str]:
    """Write on several connections at once; return the names written."""
    barrier = threading.Barrier(WRITERS)

    def write(name: str) -> str:
        def work(connection: Connection) -> None:
            connection.execute(_RECORD, {"name": name})
            barrier.wait(30)

        warehouse._database.run_write(work)
        return name

    with ThreadPoolExecutor(WRITERS) as pool:
        return set(pool.map(write, [f"{prefix}{n}" for n in range(WRITERS)]))


def test_after_a_failover_no_write_goes_to_the_old_server(
    server: DatabaseServer, gate: Gate, warehouse: Warehouse, new: DatabaseServer
) -> None:
    """The old server and the connections to it stay up, read-only."""
    before = write_at_once(warehouse, "before-")
    server.execute("SET GLOBAL read_only = 1")
    gate.lead_to(new.port)
    after = {f"after-{n}" for n in range(WRITERS)}
    for name in sorted(after):
        warehouse.app_settings.put_value(name, 1, who="test")
    assert names(server) == before
    assert names(new) == after


def test_concurrent_writes_all_find_the_new_server(
    server: DatabaseServer, gate: Gate, warehouse: Warehouse, new: DatabaseServer
) -> None:
    write_at_once(warehouse, "before-")
    server.execute("SET GLOBAL read_only = 1")
    gate.lead_to(new.port)
    with ThreadPoolExecutor(WRITERS) as pool:
        tasks = [
            pool.submit(warehouse.app_settings.put_value, f"after-{n}", 1, who="test")
            for n in range(WRITERS)
        ]
        for task in tasks:
            task.result(60)
    assert names(new) == {f"after-{n}" for n in range(WRITERS)}


def test_a_server_that_stays_read_only_is_reported(
    server: DatabaseServer, warehouse: Warehouse
) -> None:
    server.execute("SET GLOBAL read_only = 1")
    with pytest.raises(WarehouseUnavailable, match=r"read-only: .*CRYPTO_WAREHOUSE_URL") as caught:
        warehouse.app_settings.put_value("name", 1, who="test")
    assert "\n" not in str(caught.value)


def test_a_load_waits_for_a_slow_failover(server: DatabaseServer, gate: Gate) -> None:
    """Work is retried longer on a server that has answered before."""
    warehouse = Warehouse(url_of(gate.port), failover_seconds=60)
    attempts = count(1)

    def work(connection: Connection) -> int:
        number = next(attempts)
        if number == MAX_ATTEMPTS + 2:
            server.execute("SET GLOBAL read_only = 0")
        connection.execute(_RECORD, {"name": "delayed"})
        return number

    warehouse.app_settings.put_value("before", 1, who="test")
    server.execute("SET GLOBAL read_only = 1")
    assert warehouse._database.run_write(work) == MAX_ATTEMPTS + 2
    assert names(server) == {"before", "delayed"}
    warehouse.close()


def test_a_server_that_is_killed_and_replaced(
    new: DatabaseServer, own_mariadb: StartServer
) -> None:
    server = prepared(own_mariadb())
    with gate_before(server.port) as gate:
        warehouse = Warehouse(url_of(gate.port))
        warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 10))])
        os.kill(server.pid, signal.SIGKILL)
        gate.lead_to(new.port)
        warehouse.facts.load_objects(SYMBOL, [batch(minutes(START, 1440))])
        assert warehouse.facts.read_candles(SYMBOL, Window(START, START + DAY_MS)).num_rows == 1440
        warehouse.close()


def test_a_server_that_shuts_down_during_a_transaction(
    new: DatabaseServer, own_mariadb: StartServer
) -> None:
    server = prepared(own_mariadb())
    attempts = count(1)
    with gate_before(server.port) as gate:

        def work(connection: Connection) -> int:
            number = next(attempts)
            connection.execute(_RECORD, {"name": "one"})
            if number == 1:
                gate.lead_to(new.port)
                server.execute("SHUTDOWN")
                # MySQL confirms first, and ends the sessions after that.
                os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
            connection.execute(_RECORD, {"name": "two"})
            return number

        warehouse = Warehouse(url_of(gate.port))
        assert warehouse._database.run_write(work) > 1
        assert names(new) == {"one", "two"}
        warehouse.close()


def kill_when_seen(server: DatabaseServer, what: str, words: str) -> Callable[[], None]:
    """Return a function that kills, once, the session or query whose statement has the words."""

    def kill() -> None:
        deadline = time.monotonic() + 60
        with server.connect() as admin, admin.cursor() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(
                    "SELECT id FROM information_schema.processlist "
                    "WHERE info LIKE %s AND id <> CONNECTION_ID()",
                    (f"%{words}%",),
                )
                if found := cursor.fetchone():
                    cursor.execute(f"KILL {what} {found[0]}")
                    return
                time.sleep(0.02)

    return kill


@pytest.mark.parametrize("what", ["QUERY", "CONNECTION"])
def test_a_killed_statement_is_retried_on_another_connection(
    server: DatabaseServer, warehouse: Warehouse, what: str
) -> None:
    sessions = []

    def work(connection: Connection) -> None:
        sessions.append(connection.execute(text("SELECT CONNECTION_ID()")).scalar())
        connection.execute(_RECORD, {"name": "once"})
        if len(sessions) == 1:
            connection.execute(_SLOW)

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_when_seen(server, what, "SLEEP"))
        warehouse._database.run_write(work)
        killing.result(60)
    assert len(set(sessions)) == len(sessions) == 2
    assert names(server) == {"once"}


@pytest.mark.parametrize("what", ["QUERY", "CONNECTION"])
def test_a_killed_bulk_load_is_retried(
    server: DatabaseServer, warehouse: Warehouse, what: str
) -> None:
    """Another session locks the rows, so that the kill finds the load at its LOAD DATA."""
    first, day = minutes(START, 10), minutes(START, 1440, base=300)
    warehouse.facts.load_objects(SYMBOL, [batch(first)])
    with server.connect(DATABASE) as other, other.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        other.begin()
        cursor.execute("SELECT * FROM fact_klines FOR UPDATE")
        kill = kill_when_seen(server, what, "LOAD DATA")

        def release_rows() -> None:
            kill()
            other.rollback()

        killing = pool.submit(release_rows)
        warehouse.facts.load_objects(SYMBOL, [batch(day, fetched_at=START + 40 * DAY_MS)])
        killing.result(60)
    stored = warehouse.facts.read_candles(SYMBOL, Window(START, START + DAY_MS))
    assert stored.equals(day)


def test_a_time_limit_of_statements_is_named(server: DatabaseServer, warehouse: Warehouse) -> None:
    attempts = []

    def work(connection: Connection) -> None:
        attempts.append(1)
        mariadb = connection.dialect.is_mariadb
        limit = "max_statement_time = 0.05" if mariadb else "max_execution_time = 50"
        connection.execute(text(f"SET SESSION {limit}"))
        connection.execute(_SLOW)

    with pytest.raises(WarehouseUnavailable, match=r"took too long: .*max_statement_time"):
        warehouse._database.run_primary_read(work)
    assert len(attempts) == MAX_ATTEMPTS


def test_too_many_connections_of_a_user_are_reported(
    server: DatabaseServer, warehouse: Warehouse
) -> None:
    server.execute("ALTER USER writer@'%' WITH MAX_USER_CONNECTIONS 1")
    with (
        warehouse._database.engine.connect(),
        pytest.raises(WarehouseUnavailable, match="no free connection for user 'writer'"),
    ):
        warehouse.app_settings.put_value("name", 1, who="test")
