"""Order books: raw_order_book → fact_order_book, as one subsettable step (see klines.py)."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.dagster_ext.planned_events import covers_every_key
from crypto_assets.defs.assets.materializations import (
    fail_unless_stores_ready,
    group_requested_keys,
    log_materializations,
    raise_for_failed_partitions,
)
from crypto_assets.defs.assets.specs import FACT_ORDER_BOOK, RAW_ORDER_BOOK
from crypto_assets.defs.partitions import (
    date_symbol_partitions_def,
    partition_window,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names


@dg.multi_asset(
    name="capture_books",  # not `order_books`, since a job has that name
    specs=[RAW_ORDER_BOOK, FACT_ORDER_BOOK],
    partitions_def=date_symbol_partitions_def,
    backfill_policy=dg.BackfillPolicy.multi_run(100),
    can_subset=True,
)
def order_book_assets(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[PipelineContext]
) -> Iterator[dg.MaterializeResult[None]]:
    """Capture each symbol's order book, and load the lake's order books of the run's partitions.

    A tick skips the symbols in its range that are untracked or not trading.
    """
    fail_unless_stores_ready(context, platform)
    stages = {OrderBookStage(key.to_user_string()) for key in context.selected_asset_keys}
    requested = group_requested_keys(context)
    if not covers_every_key(context.run):
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
