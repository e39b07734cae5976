"""The warehouse: one door to the database, behind which each table has its keeper."""

from functools import cached_property

from sqlalchemy import text

from crypto_assets.warehouse.catalog.app_settings import UserSettings
from crypto_assets.warehouse.catalog.lake_objects import Manifest
from crypto_assets.warehouse.catalog.symbols import Symbols
from crypto_assets.warehouse.catalog.watermarks import Watermarks
from crypto_assets.warehouse.engine import migrate
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.grants import grant_statements
from crypto_assets.warehouse.klines.aggregates import Aggregates
from crypto_assets.warehouse.klines.facts import Facts
from crypto_assets.warehouse.klines.order_books import OrderBooks
from crypto_assets.warehouse.klines.partial_periods import PartialPeriods
from crypto_assets.warehouse.klines.resampled import RolledCandles
from crypto_assets.warehouse.klines.revisions import Revisions
from crypto_assets.warehouse.quality.exchange_conflicts import Conflicts
from crypto_assets.warehouse.quality.gap_ledger import Gaps
from crypto_assets.warehouse.quality.quarantine import Quarantine
from crypto_assets.warehouse.retention.retention_candidates import Retirement
from crypto_assets.warehouse.stats.coverage import Coverage
from crypto_assets.warehouse.stats.flow import Flow
from crypto_assets.warehouse.stats.totals import Totals


class Warehouse:
    """SQLite, MySQL 8+ or MariaDB 10.11+, by URL; connects when first asked for something.

    Charts read from `read_url` where one is given (a replica, a read-only user); what decides the
    next step is always read from the primary. Raises WrongUse where a URL is none. Every method
    may raise WarehouseUnavailable (which asking again may cure), WarehouseRefused and
    WarehouseNotReady. `failover_seconds`: how long work on the primary waits for a restart or a
    fail-over of a server that has answered before.
    """

    def __init__(
        self, url: str, read_url: str | None = None, *, failover_seconds: float = 0
    ) -> None:
        self._database = Database(url, read_url, failover_seconds=failover_seconds)

    @property
    def is_exact(self) -> bool:
        """Whether decimals are held to the last digit: SQLite holds doubles."""
        return self._database.file is None

    def migrate(self) -> None:
        """Creates or upgrades the schema; idempotent, and safe when two start at once."""
        migrate.migrate(self._database)

    def require_ready(self) -> None:
        """Raises WarehouseNotReady or WarehouseTooNew unless the schema is this program's."""
        migrate.require_ready(self._database)

    def ping(self) -> None:
        """Raises WarehouseUnavailable or WarehouseRefused where the database does not answer."""
        self._database.read_primary(lambda c: c.execute(text("SELECT 1")))

    def grants(self) -> str:
        """SQL that makes a writer and a reader with the rights they need and no more."""
        return grant_statements(self._database.url)

    @cached_property
    def settings(self) -> UserSettings:
        return UserSettings(self._database)

    @cached_property
    def symbols(self) -> Symbols:
        return Symbols(self._database)

    @cached_property
    def objects(self) -> Manifest:
        return Manifest(self._database)

    @cached_property
    def facts(self) -> Facts:
        return Facts(self._database, self.symbols)

    @cached_property
    def aggregates(self) -> Aggregates:
        return Aggregates(self._database, self.symbols)

    @cached_property
    def rolled(self) -> RolledCandles:
        return RolledCandles(self._database, self.symbols)

    @cached_property
    def order_books(self) -> OrderBooks:
        return OrderBooks(self._database, self.symbols)

    @cached_property
    def watermarks(self) -> Watermarks:
        return Watermarks(self._database, self.symbols)

    @cached_property
    def gaps(self) -> Gaps:
        return Gaps(self._database, self.symbols)

    @cached_property
    def partial_periods(self) -> PartialPeriods:
        return PartialPeriods(self._database, self.symbols)

    @cached_property
    def revisions(self) -> Revisions:
        return Revisions(self._database, self.symbols)

    @cached_property
    def conflicts(self) -> Conflicts:
        return Conflicts(self._database, self.symbols)

    @cached_property
    def quarantine(self) -> Quarantine:
        return Quarantine(self._database)

    @cached_property
    def retirement(self) -> Retirement:
        return Retirement(self._database, self.symbols)

    @cached_property
    def coverage(self) -> Coverage:
        return Coverage(self._database, self.symbols)

    @cached_property
    def totals(self) -> Totals:
        return Totals(self._database, self.coverage, self.objects)

    @cached_property
    def flow(self) -> Flow:
        return Flow(self._database, self.symbols)

    def close(self) -> None:
        """Gives the connections back; the next use opens new ones."""
        self._database.close()
