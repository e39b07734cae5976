"""The warehouse: one object through which other packages reach every table."""

from functools import cached_property

from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames
from crypto_assets.warehouse.catalog.app_settings import AppSettings
from crypto_assets.warehouse.catalog.chart_drawings import ChartDrawings
from crypto_assets.warehouse.catalog.exchange_usage import ExchangeUsageTotals
from crypto_assets.warehouse.catalog.lake_objects import LakeObjectCatalog
from crypto_assets.warehouse.catalog.price_alerts import PriceAlerts
from crypto_assets.warehouse.catalog.symbols import SymbolCatalog
from crypto_assets.warehouse.catalog.watermarks import Watermarks
from crypto_assets.warehouse.catalog.worker_heartbeats import WorkerHeartbeats
from crypto_assets.warehouse.engine import migrate
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.grants import format_grant_statements
from crypto_assets.warehouse.engine.table_backup import TableBackup
from crypto_assets.warehouse.klines.aggregates import KlineAggregates
from crypto_assets.warehouse.klines.facts import KlineFacts
from crypto_assets.warehouse.klines.order_books import OrderBooks
from crypto_assets.warehouse.klines.partial_periods import PartialPeriods
from crypto_assets.warehouse.klines.resampled_reads import ResampledCandles
from crypto_assets.warehouse.klines.revisions import RevisionLog
from crypto_assets.warehouse.quality.exchange_conflicts import ExchangeConflicts
from crypto_assets.warehouse.quality.gap_ledger import GapLedger
from crypto_assets.warehouse.quality.quarantine import Quarantine
from crypto_assets.warehouse.retention.retention_candidates import RetentionCandidates
from crypto_assets.warehouse.stats.coverage import CoverageStats
from crypto_assets.warehouse.stats.flow import FlowStats
from crypto_assets.warehouse.stats.pipeline_counts import PipelineCountStats
from crypto_assets.warehouse.stats.read_server import ReadServer
from crypto_assets.warehouse.stats.stale_symbols import StalenessStats
from crypto_assets.warehouse.stats.totals import TotalsHistory
from crypto_assets.warehouse.stats.unrecorded_holes import UnrecordedHoles


class Warehouse:
    """A database of SQLite, MySQL 8+ or MariaDB 10.11+, by URL; connects on first use.

    Charts read from `read_url` where it is set (a replica, a read-only user); decisions of the
    pipeline are always based on the primary. `failover_seconds` limits how long work on the
    primary is retried while a server that has answered before restarts or fails over; within
    `waiter.wait_up_to`, all work is retried during an outage. `options` are options of both URLs,
    such as `ssl_ca=FILE`. Messages call settings by `names`.

    Raises WrongUse for an invalid URL. Every method may raise WarehouseUnavailable (a retry may
    succeed), WarehouseRefused and WarehouseNotReady.
    """

    def __init__(
        self,
        url: str,
        read_url: str | None = None,
        *,
        failover_seconds: float = 0,
        waiter: ServiceWaiter | None = None,
        options: str = "",
        names: SettingNames = DEFAULT_NAMES,
    ) -> None:
        self._database = Database(
            url,
            read_url,
            failover_seconds=failover_seconds,
            waiter=waiter,
            options=options,
            names=names,
        )

    @property
    def has_exact_decimals(self) -> bool:
        """Whether decimals are stored exactly: SQLite stores doubles."""
        return self._database.sqlite_path is None

    def migrate_schema(self) -> None:
        """Create or upgrade the schema; idempotent, also when two processes start it at once."""
        migrate.migrate_schema(self._database)

    def find_pending_versions(self) -> list[str]:
        """List the versions to which `migrate_schema` would upgrade the schema, oldest first.

        Raises WarehouseTooNew.
        """
        return migrate.find_pending_versions(self._database)

    def require_ready(self) -> None:
        """Raise WarehouseNotReady or WarehouseTooNew unless the schema is the current version."""
        migrate.require_current_schema(self._database)

    def format_grants(self) -> str:
        """Format the SQL that creates a writer and a reader with the least rights they need."""
        return format_grant_statements(self._database.url, self._database.read_url)

    @cached_property
    def table_backup(self) -> TableBackup:
        return TableBackup(self._database)

    @cached_property
    def read_server(self) -> ReadServer:
        return ReadServer(self._database)

    @cached_property
    def app_settings(self) -> AppSettings:
        return AppSettings(self._database)

    @cached_property
    def exchange_usage(self) -> ExchangeUsageTotals:
        return ExchangeUsageTotals(self._database)

    @cached_property
    def worker_heartbeats(self) -> WorkerHeartbeats:
        return WorkerHeartbeats(self._database)

    @cached_property
    def symbols(self) -> SymbolCatalog:
        return SymbolCatalog(self._database)

    @cached_property
    def price_alerts(self) -> PriceAlerts:
        return PriceAlerts(self._database, self.symbols)

    @cached_property
    def chart_drawings(self) -> ChartDrawings:
        return ChartDrawings(self._database)

    @cached_property
    def lake_objects(self) -> LakeObjectCatalog:
        return LakeObjectCatalog(self._database)

    @cached_property
    def facts(self) -> KlineFacts:
        return KlineFacts(self._database, self.symbols)

    @cached_property
    def aggregates(self) -> KlineAggregates:
        return KlineAggregates(self._database, self.symbols)

    @cached_property
    def resampled_candles(self) -> ResampledCandles:
        return ResampledCandles(self._database, self.symbols)

    @cached_property
    def order_books(self) -> OrderBooks:
        return OrderBooks(self._database, self.symbols)

    @cached_property
    def watermarks(self) -> Watermarks:
        return Watermarks(self._database, self.symbols)

    @cached_property
    def gap_ledger(self) -> GapLedger:
        return GapLedger(self._database, self.symbols)

    @cached_property
    def partial_periods(self) -> PartialPeriods:
        return PartialPeriods(self._database, self.symbols)

    @cached_property
    def revisions(self) -> RevisionLog:
        return RevisionLog(self._database, self.symbols)

    @cached_property
    def exchange_conflicts(self) -> ExchangeConflicts:
        return ExchangeConflicts(self._database, self.symbols)

    @cached_property
    def quarantine(self) -> Quarantine:
        return Quarantine(self._database)

    @cached_property
    def retention_candidates(self) -> RetentionCandidates:
        return RetentionCandidates(self._database, self.symbols)

    @cached_property
    def unrecorded_holes(self) -> UnrecordedHoles:
        return UnrecordedHoles(self._database)

    @cached_property
    def coverage(self) -> CoverageStats:
        return CoverageStats(self._database, self.symbols)

    @cached_property
    def totals(self) -> TotalsHistory:
        return TotalsHistory(self._database, self.coverage, self.lake_objects)

    @cached_property
    def flow(self) -> FlowStats:
        return FlowStats(self._database, self.symbols)

    @cached_property
    def pipeline_counts(self) -> PipelineCountStats:
        return PipelineCountStats(self._database, self.app_settings)

    @cached_property
    def staleness(self) -> StalenessStats:
        return StalenessStats(self.symbols, self.watermarks, self.app_settings)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._database.close()
