"""Dagster's SQLite storage in a folder whose path has characters with a meaning in URLs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Dagster exports none of these. No request to escape the path was found in Dagster's issues.
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sql import get_alembic_config
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

_MODULES: tuple[Any, ...] = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)


class SqliteStorage(DagsterSqliteStorage):
    """Dagster's storage with its field `base_dir`, for a path with a `?` or a `%`.

    Dagster itself may be installed below a path with a `%`. Within a process it also changes how
    Dagster's own class opens its files: both find the same files under every path that the latter
    can open.
    """

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> "SqliteStorage":
        """Open the storage, and create its files if they do not exist."""
        for module in _MODULES:
            module.create_db_conn_string = build_sqlite_url
            module.get_alembic_config = build_alembic_config
        return cls.from_local(inst_data=inst_data, **config_value)


def build_sqlite_url(base_dir: str, db_name: str) -> str:
    """Build the URL of a file in a folder: Dagster's function of this signature escapes nothing."""
    return f"sqlite:///{quote(str(Path(base_dir).absolute() / f'{db_name}.db'))}"


def build_alembic_config(dunder_file: str) -> Any:
    """Build the settings of Dagster's migrations, in whose folder a `%` would begin a variable."""
    config: Any = get_alembic_config(dunder_file)
    config.file_config.defaults()["here"] = config.config_args["here"].replace("%", "%%")
    return config
