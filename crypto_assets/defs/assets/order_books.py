"""Order books: raw_order_book → fact_order_book, as one subsettable step (see klines.py)."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.dagster_ext.planned_events import visits_every_key
from crypto_assets.defs.assets.materializations import (
    log_good_keys,
    raise_for_bad_keys,
    require_admission,
)
from crypto_assets.defs.assets.specs import FACT_ORDER_BOOK, RAW_ORDER_BOOK
from crypto_assets.defs.partitions import by_symbol, date_symbol, window_of
from crypto_assets.pipeline.context import Platform
from crypto_assets.pipeline.stages.order_books import bring_books
from crypto_assets.pipeline.stages.results import BookStage
from crypto_assets.pipeline.stages.symbol_status import of_trading


@dg.multi_asset(
    name="capture_books",  # the job has the name `order_books`, and nodes share one namespace
    specs=[RAW_ORDER_BOOK, FACT_ORDER_BOOK],
    partitions_def=date_symbol,
    backfill_policy=dg.BackfillPolicy.multi_run(100),
    can_subset=True,
)
def order_books(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Capture each symbol's book and load what the lake holds of the run's partitions.

    A tick's range of keys may span symbols that are retired, or do not trade: it leaves them alone.
    """
    require_admission(context, platform)
    stages = {BookStage(key.to_user_string()) for key in context.selected_asset_keys}
    wanted = by_symbol(context.partition_keys)
    if not visits_every_key(context.run):
        trading = of_trading(platform.warehouse.symbols.list_tracked())
        wanted = [own for own in wanted if own.symbol in trading]
    bad = []
    for own in wanted:
        for key in own.keys:
            outcomes = bring_books(platform, own.symbol, window_of(key), stages)
            bad += log_good_keys(context, outcomes)
    raise_for_bad_keys(context, bad)
    yield from ()
