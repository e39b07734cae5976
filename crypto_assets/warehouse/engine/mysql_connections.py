"""Connections of PyMySQL that send a server no file, and engines of SQLAlchemy that use them.

A server can answer any statement by requesting a file of the client. PyMySQL sends whatever file it
names, as soon as `local_infile` is on:
https://dev.mysql.com/doc/refman/8.4/en/load-data-local-security.html
"""

import logging
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pymysql
import sqlalchemy
from pymysql.cursors import Cursor
from pymysql.protocol import MysqlPacket
from sqlalchemy import URL, Connection, Engine, event, make_url

from crypto_assets.warehouse.engine.mysql_options import (
    LOOPBACK_HOSTS,
    add_mysql_options,
    make_connect_arguments,
)

CONNECT_TIMEOUT_SECONDS = 5
# CR_LOAD_DATA_LOCAL_INFILE_REJECTED of MySQL's own client.
FILE_REQUEST_REFUSED = 2068
# Beyond these, a thread opens a connection that is closed after its use.
_STORAGE_POOL_SIZE = 5

if TYPE_CHECKING:
    _DriverConnection = pymysql.connections.Connection[Cursor]
else:
    _DriverConnection = pymysql.connections.Connection

_log = logging.getLogger(__name__)


class GuardedConnection(_DriverConnection):
    """A connection that closes, with an error, when the server requests a file."""

    permitted_file: str | None = None
    _awaits_result = False

    @property
    def is_unencrypted(self) -> bool:
        """Whether the connection goes to another machine without TLS."""
        is_private = self._secure  # type: ignore[attr-defined]  # by TLS, or a socket of this machine
        return not is_private and self.host not in LOOPBACK_HOSTS

    def _read_query_result(self, unbuffered: bool = False) -> int:
        # In a result, a row whose first value is NULL begins with the same byte as a request.
        self._awaits_result = True
        try:
            return int(super()._read_query_result(unbuffered))  # type: ignore[misc]
        finally:
            self._awaits_result = False

    def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> MysqlPacket:
        packet = super()._read_packet(packet_type)  # type: ignore[no-untyped-call]
        if self._awaits_result:
            self._awaits_result = False
            if packet.is_load_local_packet():
                self._require_permitted(packet.get_all_data()[1:])
        return cast("MysqlPacket", packet)

    def _require_permitted(self, requested: bytes) -> None:
        permitted, self.permitted_file = self.permitted_file, None
        if permitted is None or requested != os.fsencode(permitted):
            self._force_close()  # type: ignore[attr-defined]
            raise pymysql.err.OperationalError(
                FILE_REQUEST_REFUSED, "the server requested a file of this machine"
            )


class LoadingConnection(GuardedConnection):
    """A connection of a bulk load: it sends the file that was written for a statement, once."""

    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(*args, **{**arguments, "local_infile": True})


def can_send_files(connection: Connection) -> bool:
    """Return whether the connection is one of a bulk load."""
    return isinstance(connection.connection.dbapi_connection, LoadingConnection)


@contextmanager
def permit_file(connection: Connection, path: Path) -> Iterator[None]:
    """Let the server read one file, by this name and once, until the context ends."""
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, LoadingConnection):
        raise TypeError("only a connection of a bulk load can send a file")
    driver.permitted_file = str(path)
    try:
        yield
    finally:
        driver.permitted_file = None


def create_mysql_engine(
    url: URL,
    source: str,
    *,
    connection_class: type[GuardedConnection] = GuardedConnection,
    init_command: str | None = None,
    **engine_arguments: Any,
) -> Engine:
    """Create an engine with the options of a URL; error messages call their origin `source`.

    Raises WrongUse for invalid options and unreadable certificates.
    """
    # By this name, where OpenTelemetry finds it.
    engine = sqlalchemy.create_engine(
        url.set(drivername="mysql+pymysql", query={}),
        pool_recycle=1800,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "init_command": init_command,
            **make_connect_arguments(url, source),
        },
        **engine_arguments,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, args: Any, arguments: Any) -> GuardedConnection:
        connection = connection_class(*args, **arguments)
        if connection.is_unencrypted:
            _warn_once(connection.host)
        return connection

    return engine


@lru_cache(maxsize=4)
def open_storage_engine(url: str, options: str, source: str) -> Engine:
    """Return the process's engine for Dagster's database, which all its storages share.

    `options`, the query of a URL, come from the setting `source`. Connections are tested before
    each use, so they survive a restart of the server, and a forked process opens its own. The
    isolation level is the one that Dagster uses. Raises WrongUse.
    """
    engine = create_mysql_engine(
        add_mysql_options(make_url(url, keep_blank_values=True), options, source),
        source,
        isolation_level="REPEATABLE READ",
        pool_pre_ping=True,
        pool_size=_STORAGE_POOL_SIZE,
        max_overflow=-1,
    )
    _forget_connections_in_forks(engine)
    return engine


def _forget_connections_in_forks(engine: Engine) -> None:
    """Give a forked process connections of its own; those of its parent stay open."""
    reference = weakref.ref(engine)

    def forget() -> None:
        if (existing := reference()) is not None:
            existing.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


def find_unencrypted_host(connection: Connection) -> str | None:
    """Return the host if the connection goes to another machine without TLS."""
    driver = connection.connection.dbapi_connection
    if isinstance(driver, GuardedConnection) and driver.is_unencrypted:
        return driver.host
    return None


@cache
def _warn_once(host: str) -> None:
    _log.warning("%s", format_clear_text_warning(host))


def format_clear_text_warning(host: str) -> str:
    return (
        f"the connection to the database on {host} is not encrypted: enable TLS on the server, "
        "and require it with ssl_mode=VERIFY_IDENTITY"
    )
