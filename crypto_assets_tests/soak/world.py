"""A simulated exchange with a clock that the soak moves, and the pipeline and Dagster with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg

from crypto_assets.dagster_ext.instance_home import open_instance, prepare_home
from crypto_assets.definitions import defs
from crypto_assets.defs.partitions import register_symbol_partitions
from crypto_assets.exchange import RequestRetryPolicy, open_exchange
from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.lake import open_lake
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import initialize_stores
from crypto_assets.warehouse import Warehouse

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "SHIBUSDT")
START = date(2025, 1, 1)
# A planned outage lasts for simulated minutes, so real waiting would not outlast it.
_RETRY_POLICY = RequestRetryPolicy(attempts=2, initial_delay=0.01, max_delay=0.02)


@dataclass(frozen=True)
class World:
    """Everything that a tick uses; `definitions` are the project's, with this context."""

    exchange: SimulatedExchange
    context: PipelineContext
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    home: Path
    symbols: Sequence[str]

    @property
    def now(self) -> int:
        return self.exchange.now_ms()


@contextmanager
def open_world(
    folder: Path, now: int, warehouse_url: str = "", symbols: Sequence[str] = SYMBOLS
) -> Iterator[World]:
    """Initialize everything as `init` does; the clock stops at `now` (epoch ms).

    Without a URL the warehouse is SQLite in the folder.
    """
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now, 0))
    warehouse = Warehouse(warehouse_url or f"sqlite:///{folder / 'warehouse.db'}")
    home = folder / "dagster"
    prepare_home(home)
    with start_exchange_server(exchange) as url, open_instance(home) as instance:
        context = PipelineContext(
            exchange=open_exchange(url, url, _RETRY_POLICY),
            raw_lake=open_lake(str(folder / "raw")),
            archive_lake=open_lake(str(folder / "archive")),
            warehouse=warehouse,
            settle_ms=5_000,
            order_book_levels=20,
            default_ingest_minutes=1,
            default_order_book_minutes=5,
        )
        initialize_stores(context, symbols, START)
        register_symbol_partitions(instance, symbols)
        try:
            yield World(exchange, context, instance, _make_definitions(context), home, symbols)
        finally:
            warehouse.close()


def _make_definitions(context: PipelineContext) -> dg.Definitions:
    return dg.Definitions(
        assets=defs.assets,
        jobs=defs.jobs,
        schedules=defs.schedules,
        sensors=defs.sensors,
        resources={"platform": context, "webhook": Webhook(None)},
        executor=defs.executor,
    )
