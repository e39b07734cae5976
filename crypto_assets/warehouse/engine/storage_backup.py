"""Reads and restores the tables of Dagster's own MySQL database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
from sqlalchemy import Connection, inspect, make_url

from crypto_assets.errors import WrongUse
from crypto_assets.warehouse.engine.error_translation import translate_storage_errors
from crypto_assets.warehouse.engine.mysql_connections import open_storage_engine
from crypto_assets.warehouse.engine.table_parts import (
    insert_rows,
    iter_table_parts,
    reflect_table,
    reflect_tables,
)

_OPTIONS = "DAGSTER_MYSQL_OPTIONS"
# Its statements convert times of the type TIMESTAMP from and to the time zone of the session.
_SESSION = "SET SESSION time_zone = '+00:00', foreign_key_checks = 0"

# A table's name, the statement that creates it, and its parts.
DefinedTable = tuple[str, str, Iterator[pa.Table]]
T = TypeVar("T")


def read_storage_tables(
    url: str, options: str, consume: Callable[[Iterator[DefinedTable]], T]
) -> T:
    """Call `consume` with all tables as of one moment. Raises OrchestratorError."""
    with _open_session(url, options) as connection:
        return consume(_iter_tables(connection))


def describe_storage(url: str) -> str:
    """Return the host and the name of a database, without the login."""
    parsed = make_url(url)
    return f"{parsed.database} on {parsed.host or 'localhost'}:{parsed.port or 3306}"


def require_no_storage(url: str, options: str) -> None:
    """Raise WrongUse where the database has tables."""
    engine = open_storage_engine(url, options, _OPTIONS)
    with translate_storage_errors(url, options), engine.connect() as connection:
        if inspect(connection).get_table_names():
            raise WrongUse(
                "Dagster's database contains tables: restore into an empty one, and do not run "
                "`init` or `up` before"
            )


def restore_storage_table(
    url: str, options: str, name: str, definition: str, parts: Iterator[pa.Table]
) -> None:
    """Create a table and insert its parts, in place of what an interrupted restore left of it."""
    with _open_session(url, options) as connection:
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        if not definition.startswith(f"CREATE TABLE {quoted} ("):
            raise WrongUse(f"the backup of Dagster's table {name} does not say how to create it")
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {quoted}")
        connection.exec_driver_sql(definition.replace("%", "%%"))
        table = reflect_table(connection, name)
        for part in parts:
            insert_rows(connection, table, part)
        connection.commit()


@contextmanager
def _open_session(url: str, options: str) -> Iterator[Connection]:
    """Open a connection with session settings of its own, which Dagster never gets from the pool.

    Raises OrchestratorError.
    """
    engine = open_storage_engine(url, options, _OPTIONS)
    with translate_storage_errors(url, options), engine.connect() as connection:
        try:
            connection.exec_driver_sql(_SESSION)
            yield connection
        finally:
            connection.invalidate()


def _iter_tables(connection: Connection) -> Iterator[DefinedTable]:
    for table in reflect_tables(connection):
        quoted = connection.dialect.identifier_preparer.quote_identifier(table.name)
        definition = connection.exec_driver_sql(f"SHOW CREATE TABLE {quoted}").one()[1]
        yield table.name, definition, iter_table_parts(connection, table)
