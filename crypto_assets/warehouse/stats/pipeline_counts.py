"""Counts that a monitor watches: what is not loaded, rejected, revised or not sent."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from crypto_assets.warehouse.catalog.app_settings import AppSettings
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import (
    exchange_conflicts,
    extraction_metadata,
    fact_klines,
    kline_revisions,
    lake_objects,
    price_alert_events,
    quarantine,
    symbols,
)

_LAST_BACKUP = "state.last_backup"


@dataclass(frozen=True)
class PipelineCounts:
    """The counts of one moment.

    `store_delays_ms` is, per symbol, how long after its close the newest minute was fetched.
    `unsent_alerts` are price alerts that no target has taken yet. `last_backup_at` is in epoch ms,
    None without a backup.
    """

    unloaded_objects: int
    quarantined_rows: int
    revisions: int
    exchange_conflicts: int
    unsent_alerts: int
    store_delays_ms: dict[str, int]
    last_backup_at: int | None


class PipelineCountStats:
    def __init__(self, database: Database, settings: AppSettings) -> None:
        self._database = database
        self._settings = settings

    def read_counts(self) -> PipelineCounts:
        """Count on the primary; private tables are not readable for the user of charts."""
        counts, delays = self._database.run_primary_read(
            lambda c: (_count_rows(c), _read_store_delays(c))
        )
        last_backup = self._settings.get_state(_LAST_BACKUP)
        return PipelineCounts(**counts, store_delays_ms=delays, last_backup_at=last_backup)

    def record_backup(self, at_ms: int) -> None:
        """Record that a backup, begun at `at_ms`, is complete."""
        self._settings.put_state(_LAST_BACKUP, at_ms)


def _count_rows(connection: Connection) -> dict[str, int]:
    """Count by indexes: of the revisions and the rejected rows there may be many."""
    counted = {
        "unloaded_objects": select(lake_objects.c.key).where(lake_objects.c.loaded_at.is_(None)),
        "quarantined_rows": select(quarantine.c.quarantine_id),
        "revisions": select(kline_revisions.c.revision_id),
        "exchange_conflicts": select(exchange_conflicts.c.symbol_id),
        "unsent_alerts": select(price_alert_events.c.rule_id).where(
            price_alert_events.c.sent_at.is_(None)
        ),
    }
    return {
        name: connection.scalar(select(func.count()).select_from(rows.subquery())) or 0
        for name, rows in counted.items()
    }


def _read_store_delays(connection: Connection) -> dict[str, int]:
    """Read the newest minutes by their keys."""
    newest = (
        select(
            symbols.c.symbol, (fact_klines.c.fetched_at - fact_klines.c.close_time).label("delay")
        )
        .join(extraction_metadata, extraction_metadata.c.symbol_id == symbols.c.symbol_id)
        .join(
            fact_klines,
            and_(
                fact_klines.c.symbol_id == extraction_metadata.c.symbol_id,
                fact_klines.c.open_time == extraction_metadata.c.last_open_time,
            ),
        )
        .where(extraction_metadata.c.kind == "klines", symbols.c.active_until.is_(None))
    )
    return {row.symbol: row.delay for row in connection.execute(newest)}
