"""Marks a warehouse as incomplete while a backup is restored into it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection

from crypto_assets.errors import WarehouseNotReady, WrongUse
from crypto_assets.warehouse.engine.setting_rows import (
    delete_setting,
    read_setting,
    store_setting,
)

_NAME = "state.restore"


@dataclass(frozen=True)
class RestoreMarker:
    """A restore that has not finished: its backup, and how many parts of tables are inserted.

    `stores` has what else it writes, such as Dagster's database, by what messages call it.
    """

    backup: str
    parts: int = 0
    stores: Mapping[str, str] = field(default_factory=dict)

    def require_same(self, wanted: "RestoreMarker") -> None:
        """Raise WrongUse unless `wanted` continues this restore."""
        if self.backup != wanted.backup:
            raise WrongUse(
                f"the restore of the backup {self.backup} has not finished: restore that "
                "one again, or use an empty warehouse"
            )
        for name, place in wanted.stores.items():
            if self.stores.get(name) != place:
                raise WrongUse(
                    f"the restore of the backup {self.backup} has begun with {name} "
                    f"{self.stores.get(name) or 'of another kind'}, not {place or 'of this kind'}: "
                    "continue it with the same settings, or restore into an empty warehouse"
                )


def read_restore_marker(connection: Connection, *, lock: bool = False) -> RestoreMarker | None:
    """Return the restore that has not finished, if any; `lock` it for the transaction."""
    stored = read_setting(connection, _NAME, lock=lock)
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
