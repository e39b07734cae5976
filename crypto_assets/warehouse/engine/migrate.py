"""Creates and upgrades the schema of a database, and checks its version.

A migration that only adds tables or indexes names in OLDEST_PROGRAM the oldest version whose
programs work with its schema. The upgraded database stores that version, so that programs of the
version before continue until they are replaced.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from crypto_assets.errors import (
    DatabaseMissing,
    WarehouseError,
    WarehouseNotReady,
    WarehouseRefused,
    WarehouseTooNew,
    WarehouseUnavailable,
)
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.dialect import is_sqlite, open_engine
from crypto_assets.warehouse.engine.error_translation import (
    format_missing_database,
    translate_error,
)
from crypto_assets.warehouse.engine.restore_marker import require_no_restore
from crypto_assets.warehouse.engine.setting_rows import read_setting, store_setting

# The oldest version whose programs work with the schema, by the program that upgraded it.
OLDEST_PROGRAM_SETTING = "state.oldest_program"
_SCRIPTS_FOLDER = Path(__file__).parent / "migrations"

T = TypeVar("T")


def migrate_schema(database: Database) -> None:
    """Create or upgrade the schema; safe to repeat, to kill and to run twice at once.

    Raises WarehouseTooNew for the schema of a newer crypto-assets, WarehouseRefused where the
    database or its file cannot be created or written, WarehouseNotReady while a restore of a backup
    has not finished.
    """
    create_database(database)
    database.run_exclusive_write("migrate", _upgrade_schema)


def upgrade_schema(database: Database) -> None:
    """Upgrade the schema of a warehouse into which a backup is being restored."""
    database.run_exclusive_write("migrate", lambda c: _upgrade_schema(c, is_restoring=True))


def create_schema(database: Database, version: str) -> None:
    """Create the schema of a version, unless the database has one."""

    def work(connection: Connection) -> None:
        if read_schema_version(connection) is None:
            _run_migrations(connection, version)

    create_database(database)
    database.run_exclusive_write("migrate", work)


def create_database(database: Database) -> None:
    """Create the database or its file, if there is none. Raises as `migrate_schema`."""
    if database.sqlite_path:
        _create_file(database.sqlite_path)
        database.run_with_retries(lambda: _switch_to_wal(database))
    else:
        database.run_with_retries(lambda: _ensure_database(database.url))


def read_if_exists(database: Database, work: Callable[[Connection], T]) -> T | None:
    """Read from the primary as `run_primary_read` does; None where the database does not exist."""
    if database.sqlite_path and not database.sqlite_path.exists():
        return None
    try:
        return database.run_primary_read(work)
    except DatabaseMissing:
        return None


def require_known_version(version: str) -> None:
    """Raise WarehouseTooNew unless this program knows the version of a schema."""
    if not _is_known(version):
        raise WarehouseTooNew(
            f"the schema of the warehouse has the unknown version {version!r}: "
            "install a newer crypto-assets"
        )


def read_schema_version(connection: Connection) -> str | None:
    """Return the version of the schema, None without one.

    Raises WarehouseTooNew for a newer one, unless this program may work with it.
    """
    if is_sqlite(connection) and not inspect(connection).has_table("alembic_version"):
        return None
    heads = MigrationContext.configure(connection).get_current_heads()
    if not heads:
        return None
    if len(heads) > 1:
        raise WarehouseError(f"the schema of the warehouse has several versions at once: {heads}")
    if not (_is_known(heads[0]) or _may_work_with(connection)):
        require_known_version(heads[0])
    return heads[0]


def find_pending_versions(database: Database) -> list[str]:
    """List the versions to which `migrate_schema` would upgrade the schema, oldest first.

    All of them for a database without a schema, or which does not exist. Raises WarehouseTooNew.
    """
    scripts = ScriptDirectory.from_config(_alembic_config())
    version = read_if_exists(database, read_schema_version)
    if version is not None and _is_current(version):
        return []
    pending = scripts.iterate_revisions("head", version or "base")
    return [script.revision for script in pending][::-1]


def require_current_schema(database: Database) -> None:
    """Raise WarehouseNotReady or WarehouseTooNew unless the schema is the current version."""

    def work(connection: Connection) -> bool:
        version = read_schema_version(connection)
        if version is None or not _is_current(version):
            return False
        require_no_restore(connection)
        return True

    if not database.run_primary_read(work):
        raise WarehouseNotReady(
            f"the schema of the warehouse is missing or outdated: {database.names.initialize}"
        )


def _create_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise WarehouseRefused(f"{path} cannot be written: {error.strerror}") from None


def _ensure_database(url: URL) -> None:
    engine = open_engine(url)
    try:
        engine.connect().close()
    except DBAPIError as error:
        if not isinstance(translate_error(error, url), DatabaseMissing):
            raise
        _create_database(url)
    finally:
        engine.dispose()


def _create_database(url: URL) -> None:
    server = open_engine(url._replace(database=None))
    name = server.dialect.identifier_preparer.quote_identifier(url.database or "")
    try:
        with server.begin() as connection:
            connection.execute(
                text(
                    f"CREATE DATABASE IF NOT EXISTS {name} "
                    "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
                )
            )
    except DBAPIError as error:
        if isinstance(translate_error(error, url), WarehouseUnavailable):
            raise
        raise WarehouseRefused(format_missing_database(url)) from None
    finally:
        server.dispose()


def _upgrade_schema(connection: Connection, *, is_restoring: bool = False) -> None:
    version = read_schema_version(connection)
    if version is not None and not is_restoring:
        require_no_restore(connection)
    if version is None or not _is_current(version):
        _run_migrations(connection, "head")


def _run_migrations(connection: Connection, version: str) -> None:
    config = _alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, version)
    script = ScriptDirectory.from_config(_alembic_config()).get_revision(version)
    oldest = getattr(script.module, "OLDEST_PROGRAM", script.revision)
    store_setting(connection, OLDEST_PROGRAM_SETTING, oldest)


def _is_current(version: str) -> bool:
    """Whether a version, which `read_schema_version` has returned, needs no upgrade."""
    return version == _find_head_version() or not _is_known(version)


@cache
def _is_known(version: str) -> bool:
    try:
        ScriptDirectory.from_config(_alembic_config()).get_revision(version)
    except CommandError:
        return False
    return True


def _may_work_with(connection: Connection) -> bool:
    """Whether this program is new enough for a schema that it does not know."""
    oldest = read_setting(connection, OLDEST_PROGRAM_SETTING)
    return oldest is not None and _is_known(oldest)


def _switch_to_wal(database: Database) -> None:
    """Set the mode that allows readers beside one writer; the file stores it."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")  # the mode cannot change inside a transaction
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("BEGIN")


@cache
def _find_head_version() -> str:
    """Return the newest version. Cached, as finding it imports every migration."""
    return ScriptDirectory.from_config(_alembic_config()).get_current_head() or ""


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
