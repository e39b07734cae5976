"""Reads all tables of a warehouse as of one moment, and restores them into an empty one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa
from sqlalchemy import Connection, select

from crypto_assets.errors import WarehouseError, WrongUse
from crypto_assets.warehouse.engine import migrate
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.restore_lock import hold_restore_lock
from crypto_assets.warehouse.engine.restore_marker import (
    RestoreMarker,
    delete_restore_marker,
    read_restore_marker,
    write_restore_marker,
)
from crypto_assets.warehouse.engine.schema import app_settings, fact_klines, lake_objects, symbols
from crypto_assets.warehouse.engine.setting_rows import delete_setting
from crypto_assets.warehouse.engine.table_parts import (
    insert_part,
    iter_table_parts,
    reflect_table,
    reflect_tables,
)

# Written by the migrations. The manifest of the backup has the version.
_VERSION_TABLE = "alembic_version"

TableParts = Iterator[tuple[str, Iterator[pa.Table]]]
T = TypeVar("T")


class TableBackup:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read_tables(self, consume: Callable[[str, TableParts], T]) -> T:
        """Call `consume` with the schema's version and each table's name and parts, in turn.

        All parts are of one moment. After a lost connection, `consume` is called again. A part must
        be used before the next one is requested.
        """

        def work(connection: Connection) -> T:
            version = migrate.read_schema_version(connection)
            if version is None:
                raise WarehouseError("the warehouse has no schema")
            tables = (
                (table.name, iter_table_parts(connection, table))
                for table in reflect_tables(connection)
                if table.name != _VERSION_TABLE
            )
            return consume(version, tables)

        return self._database.run_snapshot_read(work)

    def find_unfinished_restore(self) -> RestoreMarker | None:
        """Return the restore that has not finished; None also where there is no schema yet."""

        def work(connection: Connection) -> RestoreMarker | None:
            if migrate.read_schema_version(connection) is None:
                return None
            return read_restore_marker(connection)

        return migrate.read_if_exists(self._database, work)

    def hold_restore_lock(self) -> AbstractContextManager[Callable[[], None]]:
        """Be the only restore into this warehouse; see `restore_lock`."""
        return hold_restore_lock(self._database)

    def require_restorable(self, restore: RestoreMarker, schema_version: str) -> None:
        """Raise as `begin_restore` does, and change nothing; the database need not exist."""
        migrate.require_known_version(schema_version)

        def work(connection: Connection) -> None:
            if migrate.read_schema_version(connection) is not None:
                _find_inserted_parts(connection, restore, schema_version)

        migrate.read_if_exists(self._database, work)

    def begin_restore(self, restore: RestoreMarker, schema_version: str) -> int:
        """Prepare an empty warehouse with a schema of that version for the parts of a backup.

        Returns how many parts an interrupted restore of the same backup has inserted. Until
        `finish_restore`, nothing else can use the warehouse. Raises WrongUse where it contains
        data, or where an interrupted restore differs; WarehouseTooNew for a version that this
        program does not know.
        """
        migrate.require_known_version(schema_version)
        migrate.create_schema(self._database, schema_version)

        def work(connection: Connection) -> int:
            done = _find_inserted_parts(connection, restore, schema_version)
            if done is None:
                # The backup has its own.
                delete_setting(connection, migrate.OLDEST_PROGRAM_SETTING)
                write_restore_marker(connection, restore)
            return done or 0

        return self._database.run_exclusive_write("migrate", work)

    def insert_part(self, backup: str, number: int, name: str, rows: pa.Table) -> None:
        """Insert a part of a table; parts are numbered from 1, in the order of the backup.

        Does nothing for a part that is inserted already. Raises WrongUse where another process has
        finished the restore.
        """

        def work(connection: Connection) -> None:
            # Locked: another restore, which must not insert the same part, waits.
            marker = read_restore_marker(connection, lock=True)
            if marker is None or marker.backup != backup:
                raise WrongUse("another restore has finished this warehouse meanwhile")
            if marker.parts >= number:
                return
            insert_part(self._database, connection, reflect_table(connection, name), rows)
            write_restore_marker(connection, replace(marker, parts=number))

        self._database.run_bulk_load(rows.num_rows, work)

    def upgrade_restored(self) -> None:
        """Upgrade the schema of the restored tables to the current version."""
        migrate.upgrade_schema(self._database)

    def finish_restore(self) -> None:
        """Open the warehouse for use."""
        self._database.run_write(delete_restore_marker)


def _find_inserted_parts(
    connection: Connection, restore: RestoreMarker, schema_version: str
) -> int | None:
    """Return how many parts the restore has inserted; None where it has not begun.

    Raises WrongUse where it cannot begin or continue.
    """
    if marker := read_restore_marker(connection):
        marker.require_same(restore)
        return marker.parts
    if migrate.read_schema_version(connection) != schema_version:
        raise WrongUse(
            "the warehouse has a schema of another version: restore into an empty database"
        )
    own = app_settings.c.name != migrate.OLDEST_PROGRAM_SETTING
    for statement in (
        *(select(table) for table in (symbols, fact_klines, lake_objects)),
        select(app_settings).where(own),
    ):
        if connection.execute(statement.limit(1)).first():
            raise WrongUse(
                "the warehouse contains data: restore into an empty one, such as that of "
                "another CRYPTO_HOME or CRYPTO_WAREHOUSE_URL"
            )
    return None
