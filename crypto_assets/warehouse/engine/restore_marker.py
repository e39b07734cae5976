"""Marks a warehouse as incomplete while a backup is restored into it."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, select

from crypto_assets.errors import WarehouseNotReady
from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.engine.dialect import make_upsert
from crypto_assets.warehouse.engine.schema import app_settings

_NAME = "state.restore"


@dataclass(frozen=True)
class RestoreMarker:
    """A restore that has not finished: its backup, and how many parts of tables are inserted."""

    backup: str
    parts: int


def read_restore_marker(connection: Connection) -> RestoreMarker | None:
    """Return the restore that has not finished, if any."""
    text = connection.scalar(select(app_settings.c.value).where(app_settings.c.name == _NAME))
    return RestoreMarker(**json.loads(text)) if text else None


def write_restore_marker(connection: Connection, marker: RestoreMarker) -> None:
    """Record how far a restore is, in the transaction of what it has inserted."""
    statement = make_upsert(
        connection,
        app_settings,
        ["name"],
        lambda new: [("value", new.value), ("changed_at", new.changed_at)],
    )
    value = json.dumps(asdict(marker))
    connection.execute(statement, {"name": _NAME, "value": value, "changed_at": now_ms()})


def delete_restore_marker(connection: Connection) -> None:
    """Record that the restore has finished."""
    connection.execute(delete(app_settings).where(app_settings.c.name == _NAME))


def require_no_restore(connection: Connection) -> None:
    """Raise WarehouseNotReady while a restore has not finished."""
    if marker := read_restore_marker(connection):
        raise WarehouseNotReady(
            f"the restore of the backup {marker.backup} has not finished: "
            "run `crypto-assets restore` with the same directory again"
        )
