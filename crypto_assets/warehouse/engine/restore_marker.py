"""Marks a warehouse as incomplete while a backup is restored into it."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from crypto_assets.errors import WarehouseNotReady
from crypto_assets.warehouse.engine.setting_rows import (
    delete_setting,
    read_setting,
    store_setting,
)

_NAME = "state.restore"


@dataclass(frozen=True)
class RestoreMarker:
    """A restore that has not finished: its backup, and how many parts of tables are inserted."""

    backup: str
    parts: int


def read_restore_marker(connection: Connection) -> RestoreMarker | None:
    """Return the restore that has not finished, if any."""
    stored = read_setting(connection, _NAME)
    return RestoreMarker(**stored) if stored else None


def write_restore_marker(connection: Connection, marker: RestoreMarker) -> None:
    """Record how far a restore is, in the transaction of what it has inserted."""
    store_setting(connection, _NAME, asdict(marker))


def delete_restore_marker(connection: Connection) -> None:
    """Record that the restore has finished."""
    delete_setting(connection, _NAME)


def require_no_restore(connection: Connection) -> None:
    """Raise WarehouseNotReady while a restore has not finished."""
    if marker := read_restore_marker(connection):
        raise WarehouseNotReady(
            f"the restore of the backup {marker.backup} has not finished: "
            "run `crypto-assets restore` with the same directory again"
        )
