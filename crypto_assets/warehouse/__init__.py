"""The warehouse: facts, aggregates and ledgers in SQLite, MySQL or MariaDB, from one SQL."""

from crypto_assets.warehouse.conflicts import Conflict, ConflictKind
from crypto_assets.warehouse.facts import KlinesBatch
from crypto_assets.warehouse.gaps import Gap, GapClass
from crypto_assets.warehouse.manifest import Version
from crypto_assets.warehouse.quarantine import Quarantined
from crypto_assets.warehouse.retirement import LoadedObject
from crypto_assets.warehouse.symbols import TrackedSymbol
from crypto_assets.warehouse.warehouse import Warehouse
from crypto_assets.warehouse.watermarks import Watermark

__all__ = [
    "Conflict",
    "ConflictKind",
    "Gap",
    "GapClass",
    "KlinesBatch",
    "LoadedObject",
    "Quarantined",
    "TrackedSymbol",
    "Version",
    "Warehouse",
    "Watermark",
]
