"""What can be launched by name: the live jobs, all symbols in one run, and the backfill."""

import dagster as dg

from crypto_assets.orchestrator.lanes import BACKFILL_TAGS, ERRAND_TAG, Lane, lane_tags
from crypto_assets.pipeline.ingest import Errand
from crypto_assets.pipeline.outcome import BookStage, Stage

KLINES = dg.AssetSelection.assets(*(stage.value for stage in Stage))
ORDER_BOOKS = dg.AssetSelection.assets(*(stage.value for stage in BookStage))

TICK_TAGS = lane_tags(Lane.TICK)

ingest = dg.define_asset_job(
    "ingest",
    selection=KLINES.without_checks(),
    description="What closed since each symbol's newest candle, for all symbols in one run.",
    tags={**TICK_TAGS, ERRAND_TAG: Errand.TAIL.value},
)
order_books = dg.define_asset_job(
    "order_books",
    selection=ORDER_BOOKS,
    description="One order-book snapshot of each symbol, into the lake and the facts.",
    tags={**TICK_TAGS, ERRAND_TAG: Errand.TAIL.value},
)
backfill = dg.define_asset_job(
    "backfill",
    selection=KLINES.without_checks(),
    description="Whole days from the exchange to daily candles, for a rectangle of partitions.",
    tags=BACKFILL_TAGS,
)
