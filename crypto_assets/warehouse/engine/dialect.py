"""What differs between SQLite and MySQL (or MariaDB): engines, upserts and locks."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
import sqlalchemy
from sqlalchemy import URL, Connection, Engine, Table, event, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert

from crypto_assets.errors import WarehouseUnavailable
from crypto_assets.warehouse.engine.error_translation import (
    means_connection_lost,
    means_server_lost,
)
from crypto_assets.warehouse.engine.mysql_connections import (
    GuardedConnection,
    LoadingConnection,
    create_mysql_engine,
)

BUSY_TIMEOUT_MS = 30_000
_URL_LABEL = "the warehouse URL"
# Each session resets every setting of a server that changes results: to the default of both
# servers, or to MySQL's where the two differ, so that a statement behaves the same on both. The
# driver sets character set and autocommit, SQLAlchemy the isolation level. Only MySQL executes the
# comment: without it, the reported sizes of tables would be up to a day old.
_SESSION_SETTINGS = (
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
    # No limit on rows. Setting max_join_size turns sql_big_selects off, so it comes first.
    "sql_select_limit = 18446744073709551615, max_join_size = 18446744073709551615, "
    "sql_big_selects = 1, sql_safe_updates = 0, "
    "foreign_key_checks = 1, unique_checks = 1, completion_type = 0, div_precision_increment = 4"
    " /*!80000 , information_schema_stats_expiry = 0 */"
)

Assignments = Sequence[tuple[str, Any]]


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def open_engine(url: URL) -> Engine:
    """Make an engine whose sessions are UTC, strict and READ COMMITTED; connects on first use."""
    return (
        _open_sqlite_engine(url) if url.get_backend_name() == "sqlite" else _open_mysql_engine(url)
    )


def open_loading_engine(url: URL) -> Engine:
    """Make a MySQL engine as `open_engine` does, whose connections can send one permitted file."""
    return _open_mysql_engine(url, LoadingConnection)


def _open_mysql_engine(
    url: URL, connection_class: type[GuardedConnection] = GuardedConnection
) -> Engine:
    engine = create_mysql_engine(
        url,
        _URL_LABEL,
        connection_class=connection_class,
        init_command=_SESSION_SETTINGS,
        # With the gap locks of REPEATABLE READ, writers of adjacent ranges block each other.
        isolation_level="READ COMMITTED",
    )
    event.listen(engine, "handle_error", _drop_connections)
    return engine


def _drop_connections(context: ExceptionContext) -> None:
    """Make the pool close connections that a fail-over, a shutdown or a kill has made useless.

    SQLAlchemy itself recognizes lost connections only, so the pool would keep handing out those to
    a server that has become read-only. Idle connections are closed when they are next requested.
    """
    error = context.original_exception
    if isinstance(error, pymysql.Error) and means_connection_lost(error):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = means_server_lost(error)


def _open_sqlite_engine(url: URL) -> Engine:
    # By this name, where OpenTelemetry finds it.
    engine = sqlalchemy.create_engine(url)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # Otherwise the driver would begin transactions itself, too late to lock the file.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -32768")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def make_upsert(
    connection: Connection,
    table: Table,
    keys: Sequence[str],
    assign: Callable[[Any], Assignments],
) -> Insert:
    """Build an INSERT that updates the row with the same key instead of failing.

    `assign` maps the incoming row's columns to the assignments of the update. MySQL executes them
    in order, and a later expression sees what an earlier one set: assign a column that others
    compare last.
    """
    if is_sqlite(connection):
        sqlite_insert = sqlite.insert(table)
        return sqlite_insert.on_conflict_do_update(keys, set_=dict(assign(sqlite_insert.excluded)))
    mysql_insert = mysql.insert(table)
    return mysql_insert.on_duplicate_key_update(list(assign(mysql_insert.inserted)))


@contextmanager
def hold_advisory_lock(connection: Connection, name: str, seconds: int = 120) -> Iterator[None]:
    """Hold a lock that one session of the database can have at a time, across commits and DDL.

    Does nothing on SQLite, whose write transaction is a lock. Raises WarehouseUnavailable after
    `seconds` of waiting.
    """
    if is_sqlite(connection):
        yield
        return
    database = connection.engine.url.database or ""
    # A server's lock names are shared by its databases and have 64 characters at most.
    key = hashlib.sha256(f"{database}/{name}".encode()).hexdigest()[:40]
    result = connection.execute(text("SELECT GET_LOCK(:key, :wait)"), {"key": key, "wait": seconds})
    if result.scalar() != 1:
        raise WarehouseUnavailable(
            f"another process did not release the lock {name!r} within {seconds} seconds"
        )
    connection.rollback()
    try:
        yield
    finally:
        if not connection.invalidated:  # a lost session has released its lock
            _release_lock(connection, key)


def _release_lock(connection: Connection, key: str) -> None:
    """Release the lock, or end the session: the work is done, or has raised its own error."""
    try:
        connection.rollback()
        connection.execute(text("SELECT RELEASE_LOCK(:key)"), {"key": key})
    except DBAPIError:
        connection.invalidate()
