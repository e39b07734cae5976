"""Ingests many symbols: their pipelines run in parallel, and fetch while others load."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from queue import SimpleQueue
from types import TracebackType

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
# pipeline would not be faster, and would hold another month in memory.
_FETCHERS = 8
_PIPELINES = 2

DayOutcomes = list[DayOutcome]


class IngestMode(StrEnum):
    """What a run ingests within its window.

    Whole days, the candles since the newest stored one, closed days that are due for another fetch,
    or open gaps that are due for a retry.
    """

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


class _AbandoningPool(ThreadPoolExecutor):
    """Waits for its threads like its base class, except after an interrupt.

    A request that stalls may take minutes with its retries. A canceled run does not wait for it; a
    thread that goes on may still load what it fetched, which the next run then finds.
    """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        is_interrupt = kind is not None and not issubclass(kind, Exception)
        self.shutdown(wait=not is_interrupt, cancel_futures=is_interrupt)


def ingest_symbols(
    context: PipelineContext,
    windows: Mapping[str, Window],
    stages: Collection[KlinesStage],
    mode: IngestMode = IngestMode.DAYS,
) -> Iterator[DayOutcomes]:
    """Take each symbol's window through `stages`; each list holds all outcomes of its days.

    In the mode TAIL, waits until the last minute has settled. The outcomes of a symbol that fails
    carry the error; other symbols continue. An interrupt ends the iteration at once.
    """
    if mode is IngestMode.TAIL:
        closed_before = context.wait_until_settled()
        # The rectangle of a tick's partition keys may include symbols that are untracked or need a
        # backfill. Their newest candle must not move past what is missing before it.
        current = list_current_symbols(context, closed_before)
        windows = {name: window for name, window in windows.items() if name in current}
    else:
        closed_before = context.closed_before()
    ready: SimpleQueue[DayOutcomes | None] = SimpleQueue()

    def run_pipeline(pipeline: SymbolPipeline) -> None:
        try:
            for outcomes in _MODE_FUNCTIONS[mode](pipeline):
                if context.waiter.is_canceled:
                    return
                if context.partition_unit == PartitionUnit.MONTH:
                    outcomes = build_month_outcomes(context.warehouse, outcomes, closed_before)
                ready.put(outcomes)
        except CryptoAssetsError as error:
            ready.put(pipeline.build_aborted_outcome(error))
        finally:
            ready.put(None)

    with (
        _AbandoningPool(_FETCHERS, "fetch") as fetchers,
        _AbandoningPool(_PIPELINES, "pipeline") as pipelines,
        context.waiter.cancel_on_error(),
    ):
        running = [
            pipelines.submit(
                run_pipeline,
                SymbolPipeline(
                    context,
                    symbol,
                    window,
                    stages,
                    closed_before,
                    fetchers,
                    reports_every_day=mode is IngestMode.DAYS,
                ),
            )
            for symbol, window in windows.items()
        ]
        unfinished = len(running)
        while unfinished:
            outcomes = ready.get()
            if outcomes is None:
                unfinished -= 1
            else:
                yield outcomes
        for future in running:
            future.result()
    context.warehouse.totals.record_snapshot(now_ms())
