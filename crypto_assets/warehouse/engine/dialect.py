"""Where SQLite and MySQL (or MariaDB) must be spoken to differently; everything else is one SQL."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert

from crypto_assets.errors import WarehouseUnavailable
from crypto_assets.warehouse.engine.error_translation import (
    means_connection_lost,
    means_server_lost,
)
from crypto_assets.warehouse.engine.mysql_options import make_connect_arguments

BUSY_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_SECONDS = 5
# Whatever a server's own settings do to answers, each session undoes: both servers' defaults, and
# MySQL's where the two differ, so that what passes on one passes on the other. The driver sets
# character set and autocommit, SQLAlchemy the isolation level. MySQL alone reads the comment: it
# would tell a table's size as it was up to a day ago.
_SESSION_SETTINGS = (
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
    # As many rows as there are. The limit on joins first: setting it forbids large ones.
    "sql_select_limit = 18446744073709551615, max_join_size = 18446744073709551615, "
    "sql_big_selects = 1, sql_safe_updates = 0, "
    "foreign_key_checks = 1, unique_checks = 1, completion_type = 0, div_precision_increment = 4"
    " /*!80000 , information_schema_stats_expiry = 0 */"
)

Assignments = Sequence[tuple[str, Any]]


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def open_engine(url: URL) -> Engine:
    """An engine whose sessions are UTC, strict and READ COMMITTED; it connects when first used."""
    return (
        _open_sqlite_engine(url) if url.get_backend_name() == "sqlite" else _open_mysql_engine(url)
    )


def _open_mysql_engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(query={}),
        # Gap locks of REPEATABLE READ make two writers of neighbouring ranges wait for each other.
        isolation_level="READ COMMITTED",
        pool_recycle=1800,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "local_infile": True,
            "init_command": _SESSION_SETTINGS,
            **make_connect_arguments(url, "the warehouse URL"),
        },
    )
    event.listen(engine, "handle_error", _drop_connections)
    return engine


def _drop_connections(context: ExceptionContext) -> None:
    """Have the pool close connections that a fail-over, a shutdown or a kill has made useless.

    The driver's own list knows lost connections only, so the pool would give out those to a server
    that has become read-only again and again. Those that are not in use are closed later, when they
    are asked for.
    """
    error = context.original_exception
    if isinstance(error, pymysql.Error) and means_connection_lost(error):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = means_server_lost(error)


def _open_sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver would begin a transaction of its own accord, and too late to lock.
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
    """INSERT that changes the row with the same key instead of failing.

    `assign` is given the incoming row's columns and returns what to set. MySQL sets them one after
    the other, and a later expression sees what an earlier one set: put last what others compare.
    """
    if is_sqlite(connection):
        lite = sqlite.insert(table)
        return lite.on_conflict_do_update(keys, set_=dict(assign(lite.excluded)))
    full = mysql.insert(table)
    return full.on_duplicate_key_update(list(assign(full.inserted)))


@contextmanager
def hold_advisory_lock(connection: Connection, name: str, seconds: int = 120) -> Iterator[None]:
    """Held by one session of this database at a time, over commits and DDL.

    On SQLite the write transaction is the lock.
    """
    if is_sqlite(connection):
        yield
        return
    database = connection.engine.url.database or ""
    # The server's lock names are global to all its databases and end at 64 characters.
    key = hashlib.sha256(f"{database}/{name}".encode()).hexdigest()[:40]
    taken = connection.execute(text("SELECT GET_LOCK(:key, :wait)"), {"key": key, "wait": seconds})
    if taken.scalar() != 1:
        raise WarehouseUnavailable(f"another process holds the lock {name!r} for too long")
    connection.rollback()
    try:
        yield
    finally:
        if not connection.invalidated:  # the lock of a lost session is gone with it
            _release_lock(connection, key)


def _release_lock(connection: Connection, key: str) -> None:
    """Ends the session where the lock cannot be released: the work itself is done, or has failed
    with an error of its own."""
    try:
        connection.rollback()
        connection.execute(text("SELECT RELEASE_LOCK(:key)"), {"key": key})
    except DBAPIError:
        connection.invalidate()
