"""Dagster's storage in a backup: its SQLite files, or the tables of its MySQL database."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from crypto_assets.dagster_ext.instance_home import open_instance, read_mysql_config
from crypto_assets.dagster_ext.run_liveness import fail_restored_runs

# The folders of Dagster's SQLite storage, in which each run has a file of its events.
_SQLITE_FOLDERS = ("schedules", "history")


def find_storage_url(home: Path) -> str | None:
    """Return the URL of Dagster's MySQL database; None where it stores SQLite files."""
    config = read_mysql_config(home)
    if config is None:
        return None
    from crypto_assets.dagster_ext.storage import build_mysql_url  # takes a second

    return build_mysql_url(config)


def list_sqlite_files(home: Path) -> list[Path]:
    """List Dagster's database files, in the order in which they are copied.

    The runs come before their events: an ended run may be restored as one that has not ended.
    """
    return [
        path
        for name in _SQLITE_FOLDERS
        # Passes over folders that vanish meanwhile, unlike `rglob`.
        for path in sorted(
            Path(folder, file) for folder, _, files in os.walk(home / name) for file in files
        )
        if path.suffix == ".db"
    ]


def copy_sqlite_file(source: Path, target: Path) -> bool:
    """Copy a database as of one moment, while Dagster writes it.

    Returns False for one that is gone since it was listed: Dagster's history is thinned.
    """
    address = f"file:{quote(str(source))}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(address, uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
    except sqlite3.OperationalError:
        if source.exists():
            raise
        return False
    return True


def fail_unfinished_runs(home: Path) -> list[str]:
    """Fail the runs of the restored storage that had not ended, and return their ids."""
    with open_instance(home) as instance:
        return fail_restored_runs(instance)
