"""Pipeline contexts over real stores: a simulated exchange, directories as lakes, a warehouse."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest

from crypto_assets.exchange import (
    ExchangeOutage,
    RequestRetryPolicy,
    open_exchange,
    probe_exchange,
)
from crypto_assets.lake import open_lake
from crypto_assets.market.utc_time import Window, day_start_ms
from crypto_assets.pipeline.alerting.stale_symbols import find_stale_symbols
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import initialize_stores
from crypto_assets.pipeline.ingestion.ingest import IngestMode, ingest_symbols
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.settings import Settings, get_settings
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.exchange import ExchangeServer
from crypto_assets_tests.services.sqlite_file import create_sqlite_file

START = Settings.model_fields["start_date"].default
# An ingestion waits for at most this long, since the exchange's clock does not move.
SETTLE_MS = 50
# As many attempts of a request as usual, without the delays between them.
HASTY = RequestRetryPolicy(initial_delay=0.01, max_delay=0.05)
BuildPlatform = Callable[..., PipelineContext]
# The day of NOON, at which the simulated clock starts.
TODAY = date(2025, 3, 6)
TODAY_MS = day_start_ms(TODAY)


def run_ingest(
    platform: PipelineContext,
    *symbols: str,
    first: date = TODAY,
    last: date = TODAY,
    tail: bool = False,
    mode: IngestMode = IngestMode.DAYS,
) -> list[DayOutcome]:
    """Ingest whole days of symbols, by default BTCUSDT, through all stages.

    `tail` is short for the mode TAIL.
    """
    windows = {name: Window.of_days(first, last) for name in symbols or ("BTCUSDT",)}
    mode = IngestMode.TAIL if tail else mode
    batches = ingest_symbols(platform, windows, set(KlinesStage), mode)
    return [outcome for batch in batches for outcome in batch]


def make_pipeline(
    platform: PipelineContext, window: Window, stages: Collection[KlinesStage] = tuple(KlinesStage)
) -> SymbolPipeline:
    """A pipeline of BTCUSDT, up to the newest closed candle."""
    closed_before = platform.closed_before()
    pool = ThreadPoolExecutor(1)  # starts no thread before its first task
    return SymbolPipeline(platform, "BTCUSDT", window, stages, closed_before, pool)


def list_stale_names(platform: PipelineContext) -> list[str]:
    """List the symbols that the sensor would report after one probe of the exchange."""
    probe = probe_exchange(platform.exchange.rest)
    exchange = ExchangeOutage().record_probe(probe).describe_exchange(probe)
    return [stale.symbol for stale in find_stale_symbols(platform, exchange)]


def open_times(platform: PipelineContext, symbol: str = "BTCUSDT") -> list[int]:
    """Open times of a symbol's stored minutes."""
    table = platform.warehouse.facts.read_candles(symbol, Window(0, 2**53))
    times: list[int] = table["open_time"].to_pylist()
    return times


@pytest.fixture
def build_platform(tmp_path: Path) -> Iterator[BuildPlatform]:
    """Build a context with stores of its own for an exchange, with the symbols registered."""
    with ExitStack() as after:

        def build(
            server: ExchangeServer, *symbols: str, warehouse_url: str = ""
        ) -> PipelineContext:
            number = len(list(tmp_path.iterdir()))
            home = tmp_path / f"home-{number}"
            home.mkdir()
            warehouse = Warehouse(warehouse_url or create_sqlite_file(home / "warehouse.db"))
            after.callback(warehouse.close)
            platform = PipelineContext(
                exchange=open_exchange(server.url, server.archive_url, HASTY),
                raw_lake=open_lake(str(home / "raw")),
                archive_lake=open_lake(str(home / "archive")),
                warehouse=warehouse,
                settle_ms=SETTLE_MS,
                order_book_levels=20,
                default_ingest_minutes=1,
                default_order_book_minutes=5,
                partition_unit=get_settings().partition_unit,
            )
            initialize_stores(platform, symbols or ("BTCUSDT",), START)
            return platform

        yield build
