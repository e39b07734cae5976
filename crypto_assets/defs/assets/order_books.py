"""Order books: raw_order_book → fact_order_book, as one subsettable step (see klines.py)."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.assets.materializations import (
    fail_unless_stores_ready,
    log_materializations,
    raise_for_failed_partitions,
    require_partitions,
)
from crypto_assets.defs.assets.specs import FACT_ORDER_BOOK, ORDER_BOOKS_OP, RAW_ORDER_BOOK
from crypto_assets.defs.partitions import (
    date_symbol_partitions_def,
    partition_window,
)
from crypto_assets.defs.run_partitions import PartitionsConfig
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names


@dg.multi_asset(
    name=ORDER_BOOKS_OP,
    specs=[RAW_ORDER_BOOK, FACT_ORDER_BOOK],
    partitions_def=date_symbol_partitions_def,
    backfill_policy=dg.BackfillPolicy.multi_run(100),
    can_subset=True,
)
def order_book_assets(
    context: dg.AssetExecutionContext,
    config: PartitionsConfig,
    platform: dg.ResourceParam[PipelineContext],
) -> Iterator[dg.MaterializeResult[None]]:
    """Capture each symbol's order book, and load the lake's order books of the run's partitions.

    A tick skips symbols that have been untracked or do not trade any more.
    """
    fail_unless_stores_ready(context, platform)
    stages = {OrderBookStage(key.to_user_string()) for key in context.selected_asset_keys}
    requested = require_partitions(context, config)
    if INGEST_MODE_TAG in context.run.tags:
        trading = list_trading_names(platform.warehouse.symbols.list_tracked())
        requested = [keys for keys in requested if keys.symbol in trading]
    failed = []
    for symbol_keys in requested:
        for key in symbol_keys.keys:
            window = partition_window(key)
            outcomes = ingest_order_books(platform, symbol_keys.symbol, window, stages)
            failed += log_materializations(context, outcomes)
    raise_for_failed_partitions(context, failed)
    yield from ()
