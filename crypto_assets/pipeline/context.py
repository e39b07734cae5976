"""What the pipeline's use cases work with: an exchange, two lakes, and a warehouse."""

import time
from dataclasses import dataclass, field

from crypto_assets.exchange import Exchange
from crypto_assets.lake import Lake
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.warehouse import Warehouse


@dataclass(frozen=True)
class PipelineContext:
    """The exchange, lakes and warehouse of a market, and the settings of its pipeline.

    `market` is the name of a further market, "" for the default market.

    A candle counts as final `settle_ms` after it has closed. `waiter` is that of exchange, lakes
    and warehouse: runs and commands wait within it, schedules and sensors do not.
    """

    exchange: Exchange
    raw_lake: Lake
    archive_lake: Lake
    warehouse: Warehouse
    settle_ms: int
    order_book_levels: int
    default_ingest_minutes: int
    default_order_book_minutes: int
    partition_unit: str = "day"
    retention_policy: RetentionPolicy = field(default_factory=RetentionPolicy)
    waiter: ServiceWaiter = field(default_factory=ServiceWaiter)
    market: str = ""

    def close(self) -> None:
        """Close the connections of the warehouse; the next use opens new ones."""
        self.warehouse.close()

    def exchange_now(self) -> int:
        """The exchange's clock, epoch ms. It decides what is closed and which day is today."""
        return self.exchange.rest.fetch_server_time()

    def closed_before(self) -> int:
        """A candle is final if its close time is earlier than this, epoch ms: truth rule 1."""
        return self.exchange_now() - self.settle_ms

    def wait_until_settled(self) -> int:
        """Wait until the minute that has just ended is final, then return `closed_before`.

        Waits at most the settle delay: an exchange's clock that has stopped must not block a run.
        """
        since_minute = self.exchange_now() % MINUTE_MS
        if since_minute <= self.settle_ms:
            time.sleep((self.settle_ms - since_minute + 1) / 1000)
        return self.closed_before()

    def read_ingest_interval(self) -> int:
        """Return the minutes between ingest ticks: the app's setting, or the default."""
        return self.warehouse.app_settings.get_ingest_interval(self.default_ingest_minutes)

    def read_order_book_interval(self) -> int:
        """Return the minutes between order book ticks: the app's setting, or the default."""
        return self.warehouse.app_settings.get_order_book_interval(self.default_order_book_minutes)
