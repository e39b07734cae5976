"""The warehouse: facts, aggregates and ledgers in SQLite, MySQL or MariaDB, from one SQL."""

from crypto_assets.warehouse.catalog.app_settings import INGEST_INTERVAL, ORDER_BOOK_INTERVAL
from crypto_assets.warehouse.catalog.lake_objects import ObjectVersion
from crypto_assets.warehouse.catalog.symbols import RegisteredSymbol
from crypto_assets.warehouse.catalog.watermarks import Watermark
from crypto_assets.warehouse.klines.facts import KlinesBatch
from crypto_assets.warehouse.quality.exchange_conflicts import ConflictKind, ExchangeConflict
from crypto_assets.warehouse.quality.gap_ledger import Gap, GapClass
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from crypto_assets.warehouse.retention.retention_candidates import LoadedObject
from crypto_assets.warehouse.stats.stale_symbols import StaleSymbol
from crypto_assets.warehouse.warehouse import Warehouse

__all__ = [
    "INGEST_INTERVAL",
    "ORDER_BOOK_INTERVAL",
    "ConflictKind",
    "ExchangeConflict",
    "Gap",
    "GapClass",
    "KlinesBatch",
    "LoadedObject",
    "ObjectVersion",
    "QuarantineRecord",
    "RegisteredSymbol",
    "StaleSymbol",
    "Warehouse",
    "Watermark",
]
