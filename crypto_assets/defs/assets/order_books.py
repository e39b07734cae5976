"""Order books: raw_order_book → fact_order_book, as one subsettable step (see klines.py)."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.dagster_ext.planned_events import covers_every_key
from crypto_assets.defs.assets.materializations import (
    fail_unless_stores_ready,
    log_materializations,
    raise_for_failed_partitions,
)
from crypto_assets.defs.assets.specs import FACT_ORDER_BOOK, RAW_ORDER_BOOK
from crypto_assets.defs.partitions import (
    date_symbol_partitions_def,
    group_keys_by_symbol,
    partition_window,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names


@dg.multi_asset(
    name="capture_books",  # the job has the name `order_books`, and nodes share one namespace
    specs=[RAW_ORDER_BOOK, FACT_ORDER_BOOK],
    partitions_def=date_symbol_partitions_def,
    backfill_policy=dg.BackfillPolicy.multi_run(100),
    can_subset=True,
)
def order_book_assets(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[PipelineContext]
) -> Iterator[dg.MaterializeResult[None]]:
    """Capture each symbol's book and load what the lake holds of the run's partitions.

    A tick's range of keys may span symbols that are retired, or do not trade: it leaves them alone.
    """
    fail_unless_stores_ready(context, platform)
    stages = {OrderBookStage(key.to_user_string()) for key in context.selected_asset_keys}
    wanted = group_keys_by_symbol(context.partition_keys)
    if not covers_every_key(context.run):
        trading = list_trading_names(platform.warehouse.symbols.list_tracked())
        wanted = [own for own in wanted if own.symbol in trading]
    bad = []
    for own in wanted:
        for key in own.keys:
            outcomes = ingest_order_books(platform, own.symbol, partition_window(key), stages)
            bad += log_materializations(context, outcomes)
    raise_for_failed_partitions(context, bad)
    yield from ()
