"""Errors of users: one line that says what to do, without the password."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from crypto_assets.errors import (
    WarehouseNotReady,
    WarehouseRefused,
    WarehouseUnavailable,
    WrongUse,
)
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.error_translation import (
    means_connection_lost,
    translate_error,
)
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.sqlite_file import create_sqlite_file
from crypto_assets_tests.warehouse.minutes import track

PASSWORD = "Secret-4711"


def _message(caught: pytest.ExceptionInfo[Exception]) -> str:
    message = str(caught.value)
    assert PASSWORD not in message
    assert "\n" not in message
    return message


@pytest.fixture
def weak_user(mariadb: DatabaseServer) -> str:
    """A user who may connect, and has no other right."""
    mariadb.execute(f"CREATE USER IF NOT EXISTS weak@'%' IDENTIFIED BY '{PASSWORD}'")
    return "weak"


# Interrupted by a person or a limit, locks, connections, and Galera's node that is not prepared.
@pytest.mark.parametrize("code", [1317, 1969, 3024, 1205, 1213, 1040, 1203, 1047, 1927, 2013])
def test_errors_that_a_repetition_may_resolve(code: int) -> None:
    original = pymysql.err.OperationalError(code, "a reason")
    error = DBAPIError("SELECT", None, original)
    assert isinstance(translate_error(error, make_url("mysql://u@h/d")), WarehouseUnavailable)
    needs_new_connection = code not in {1205, 1213, 1040, 1203}
    assert means_connection_lost(original) is needs_new_connection


def test_a_wrong_password(mariadb: DatabaseServer, weak_user: str) -> None:
    warehouse = Warehouse(mariadb.url("any", weak_user, f"{PASSWORD}-not"))
    for call in (
        warehouse.symbols.list_tracked,
        warehouse.migrate_schema,
        warehouse.require_ready,
    ):
        with pytest.raises(WarehouseRefused) as caught:
            call()
        assert "rejects user 'weak': check the user name and the password" in _message(caught)


def test_a_missing_database_that_the_user_may_not_create(
    mariadb: DatabaseServer, weak_user: str
) -> None:
    warehouse = Warehouse(mariadb.url("nowhere", weak_user, PASSWORD))
    with pytest.raises(WarehouseRefused) as caught:
        warehouse.migrate_schema()
    message = _message(caught)
    assert "nowhere" in message
    assert "CREATE DATABASE" in message or "init --grants" in message


def test_the_error_of_a_missing_database_contains_its_ddl(mariadb: DatabaseServer) -> None:
    with pytest.raises(WarehouseRefused) as caught:
        Warehouse(mariadb.url("nowhere")).require_ready()
    assert "CREATE DATABASE nowhere CHARACTER SET utf8mb4" in _message(caught)


def test_a_missing_right(
    mariadb: DatabaseServer, mariadb_warehouse_url: str, weak_user: str
) -> None:
    database = mariadb_warehouse_url.rpartition("/")[2]
    mariadb.execute(f"GRANT SELECT ON {database}.* TO {weak_user}@'%'")
    warehouse = Warehouse(mariadb.url(database, weak_user, PASSWORD))
    warehouse.require_ready()
    with pytest.raises(WarehouseRefused) as caught:
        track(warehouse)
    assert "lacks a privilege" in _message(caught)
    warehouse.close()


def test_a_server_that_is_not_running() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        warehouse = Warehouse(f"mysql+pymysql://user:{PASSWORD}@127.0.0.1:{port}/crypto")
        with pytest.raises(WarehouseUnavailable) as caught:
            warehouse.require_ready()
    assert f"the warehouse at 127.0.0.1:{port} does not respond" in _message(caught)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "warehouse.db",
        f"postgresql://user:{PASSWORD}@host/db",
        f"mysql+pymysql://user:{PASSWORD}@host",
        f"mysql+pymysql://user:{PASSWORD}@host:port/db",
        "sqlite://",
        "sqlite:///file:warehouse.db?mode=ro&uri=true",
        f"mysql+pymysql://127.0.0.1/?password={PASSWORD}",
    ],
)
def test_a_url_that_names_no_database(url: str) -> None:
    with pytest.raises(WrongUse) as caught:
        Warehouse(url)
    _message(caught)


def test_another_driver_is_replaced_by_ours(mariadb: DatabaseServer) -> None:
    for scheme in ("mysql", "mariadb", "mysql+mysqldb"):
        warehouse = Warehouse(f"{scheme}://root@127.0.0.1:{mariadb.port}/mysql")
        with pytest.raises(WarehouseNotReady):
            warehouse.require_ready()  # connected, and found no schema
        warehouse.close()


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WarehouseRefused) as caught:
        Warehouse(f"sqlite:///{tmp_path / 'file' / 'warehouse.db'}").migrate_schema()
    assert "cannot be written" in _message(caught)


def test_a_file_that_is_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    path.write_text("This text is not a database." * 200)
    for call in (Warehouse.migrate_schema, Warehouse.require_ready):
        with (
            closing(Warehouse(f"sqlite:///{path}")) as warehouse,
            pytest.raises(WarehouseRefused) as caught,
        ):
            call(warehouse)
        assert "is not a valid SQLite file" in _message(caught)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    path.mkdir()
    with pytest.raises(WarehouseRefused) as caught:
        Warehouse(f"sqlite:///{path}").migrate_schema()
    assert "cannot be" in _message(caught)


def test_a_read_only_file(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    create_sqlite_file(path)
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        connection.execute("DELETE FROM symbols")
    error = translate_error(DBAPIError("DELETE", None, raised.value), make_url(f"sqlite:///{path}"))
    assert isinstance(error, WarehouseRefused)
    assert "cannot be opened for writing" in str(error)
