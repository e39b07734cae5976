"""The quality report: completeness, revisions, quarantine and conflicts."""

from dataclasses import dataclass

from crypto_assets.reports.status import StatusReport, SymbolStatusReport
from crypto_assets.warehouse import ExchangeConflict, Warehouse
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord


@dataclass(frozen=True)
class QualityReport:
    """Completeness of each symbol, and the latest problems in the data.

    `revisions`, `quarantine` and `conflicts` (periods in which the exchange contradicts itself)
    hold the latest records; `quarantined` counts all quarantined records.
    """

    as_of: int
    symbols: tuple[SymbolStatusReport, ...]
    revisions: tuple[Revision, ...]
    quarantined: int
    quarantine: tuple[QuarantineRecord, ...]
    conflicts: tuple[ExchangeConflict, ...]


def build_quality_report(warehouse: Warehouse, status: StatusReport, limit: int) -> QualityReport:
    """Build the report from a status report; reads `limit` rows of each list."""
    return QualityReport(
        as_of=status.as_of,
        symbols=status.symbols,
        revisions=tuple(warehouse.revisions.list_revisions(limit=limit)),
        quarantined=warehouse.quarantine.count_records(),
        quarantine=tuple(warehouse.quarantine.list_records(limit=limit)),
        conflicts=tuple(warehouse.exchange_conflicts.list_conflicts(limit=limit)),
    )
