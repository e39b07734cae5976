"""Order books: raw_order_book → fact_order_book, as one subsettable step (see klines.py)."""

from collections.abc import Iterator

import dagster as dg

from crypto_assets.defs.assets.materializations import (
    fail_unless_stores_ready,
    log_materializations,
    raise_for_failed_partitions,
    require_partitions,
    wait_for_services,
)
from crypto_assets.defs.assets.specs import build_order_book_specs
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec, get_asset_name
from crypto_assets.defs.run_partitions import PartitionsConfig
from crypto_assets.orchestrator.run_queue import INGEST_MODE_TAG
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names


def build_order_book_assets(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the assets of a market's order books."""

    @dg.multi_asset(
        name=market.order_books_op,
        specs=build_order_book_specs(market),
        partitions_def=market.partitions.keys_def,
        backfill_policy=dg.BackfillPolicy.multi_run(100),
        can_subset=True,
        required_resource_keys={market.resource_key},
    )
    def order_book_assets(
        context: dg.AssetExecutionContext, config: PartitionsConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Capture order books, and load the lake's order books of the run's partitions.

        A tick skips symbols that have been untracked or do not trade any more.
        """
        platform = market.get_platform(context)
        is_tick = INGEST_MODE_TAG in context.run.tags
        failed = []
        with wait_for_services(platform, is_tick=is_tick):
            fail_unless_stores_ready(context, platform)
            stages = {OrderBookStage(get_asset_name(key)) for key in context.selected_asset_keys}
            requested = require_partitions(market, context, config)
            if is_tick:
                trading = list_trading_names(platform.warehouse.symbols.list_tracked())
                requested = [keys for keys in requested if keys.symbol in trading]
            for symbol_keys in requested:
                for key in symbol_keys.keys:
                    window = market.partitions.partition_window(key)
                    outcomes = ingest_order_books(platform, symbol_keys.symbol, window, stages)
                    failed += log_materializations(market, context, outcomes)
        raise_for_failed_partitions(context, failed)
        yield from ()

    return order_book_assets


order_book_assets = build_order_book_assets(DEFAULT_MARKET)
