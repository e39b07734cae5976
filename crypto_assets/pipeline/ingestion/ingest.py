"""The main job for many symbols: their chains side by side, fetching while others load."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from queue import SimpleQueue

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import Window, now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.close_day import close_days
from crypto_assets.pipeline.ingestion.gap_retry import retry_gaps
from crypto_assets.pipeline.ingestion.month_results import build_month_outcomes
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.ingestion.tick_plan import list_current_symbols
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage
from crypto_assets.settings import PartitionUnit

# Fetching waits for the exchange and the lake, loading for the database: these overlap. A third
# chain would make nothing faster, and holds a month more in memory.
_FETCHERS = 8
_PIPELINES = 2

DayOutcomes = list[DayOutcome]


class IngestMode(StrEnum):
    """What a chain is sent for: whole days, what closed since the newest candle, the due readings
    of closed days, or the due open gaps."""

    DAYS = "days"
    TAIL = "tail"
    CLOSING = "closing"
    GAPS = "gaps"


_MODE_FUNCTIONS: dict[IngestMode, Callable[[SymbolPipeline], Iterator[DayOutcomes]]] = {
    IngestMode.DAYS: SymbolPipeline.ingest_days,
    IngestMode.TAIL: SymbolPipeline.ingest_new_candles,
    IngestMode.CLOSING: close_days,
    IngestMode.GAPS: retry_gaps,
}


def ingest_symbols(
    platform: PipelineContext,
    windows: Mapping[str, Window],
    stages: Collection[KlinesStage],
    errand: IngestMode = IngestMode.DAYS,
) -> Iterator[DayOutcomes]:
    """Bring each symbol's window through `stages`; a list holds all outcomes of its days.

    A tail is brought after the last minute has settled. A symbol that fails ends in outcomes with
    errors and stops no other.
    """
    tail, every_day = errand is IngestMode.TAIL, errand is IngestMode.DAYS
    closed_before = platform.wait_until_settled() if tail else platform.closed_before()
    if tail:
        # A tick's rectangle of keys may span symbols that are retired, or a backfill's to bring:
        # their newest candle must not jump over what is missing before it.
        near = list_current_symbols(platform, closed_before)
        windows = {name: window for name, window in windows.items() if name in near}
    reached: SimpleQueue[list[DayOutcome] | None] = SimpleQueue()

    def follow(chain: SymbolPipeline) -> None:
        try:
            for outcomes in _MODE_FUNCTIONS[errand](chain):
                if platform.partition_unit == PartitionUnit.MONTH:
                    outcomes = build_month_outcomes(platform, outcomes, closed_before)
                reached.put(outcomes)
        except CryptoAssetsError as error:
            reached.put(chain.build_aborted_outcome(error))
        finally:
            reached.put(None)

    with (
        ThreadPoolExecutor(_FETCHERS, "fetch") as pool,
        ThreadPoolExecutor(_PIPELINES, "chain") as chains,
    ):
        running = [
            chains.submit(
                follow,
                SymbolPipeline(platform, symbol, window, stages, closed_before, pool, every_day),
            )
            for symbol, window in windows.items()
        ]
        left = len(running)
        while left:
            outcomes = reached.get()
            if outcomes is None:
                left -= 1
            else:
                yield outcomes
        for chain in running:
            chain.result()
    platform.warehouse.totals.record_snapshot(now_ms())
