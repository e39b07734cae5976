"""How far what is held can be trusted: completeness, what was revised, what was set aside."""

from dataclasses import dataclass

from crypto_assets.reports.status import SymbolStatus, read_status
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.quarantine import Quarantined
from crypto_assets.warehouse.revisions import Revision


@dataclass(frozen=True)
class Quality:
    """`revisions` and `quarantine` are the last noted ones; `quarantined` counts all."""

    as_of: int
    symbols: tuple[SymbolStatus, ...]
    revisions: tuple[Revision, ...]
    quarantined: int
    quarantine: tuple[Quarantined, ...]


def read_quality(warehouse: Warehouse, now_ms: int, limit: int) -> Quality:
    """A few key lookups a symbol, and `limit` rows of each list."""
    status = read_status(warehouse, now_ms)
    return Quality(
        as_of=status.as_of,
        symbols=status.symbols,
        revisions=tuple(warehouse.revisions.list(limit=limit)),
        quarantined=warehouse.quarantine.count(),
        quarantine=tuple(warehouse.quarantine.list(limit=limit)),
    )
