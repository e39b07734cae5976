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
from crypto_assets.defs.assets.specs import build_order_book_specs
from crypto_assets.defs.markets import HOME_MARKET, MarketSpec, get_asset_name
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names


def build_order_book_assets(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the assets of a market's order books."""

    @dg.multi_asset(
        name=market.prefix_name("capture_books"),  # not `order_books`, since a job has that name
        specs=build_order_book_specs(market),
        partitions_def=market.partitions.keys_def,
        backfill_policy=dg.BackfillPolicy.multi_run(100),
        can_subset=True,
        required_resource_keys={market.resource_key},
    )
    def order_book_assets(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Capture order books, and load the lake's order books of the run's partitions.

        A tick skips the symbols in its range that are untracked or not trading.
        """
        platform = market.get_platform(context)
        fail_unless_stores_ready(context, platform)
        stages = {OrderBookStage(get_asset_name(key)) for key in context.selected_asset_keys}
        requested = group_requested_keys(market, context)
        if not covers_every_key(context.run):
            trading = list_trading_names(platform.warehouse.symbols.list_tracked())
            requested = [keys for keys in requested if keys.symbol in trading]
        failed = []
        for symbol_keys in requested:
            for key in symbol_keys.keys:
                window = market.partitions.partition_window(key)
                outcomes = ingest_order_books(platform, symbol_keys.symbol, window, stages)
                failed += log_materializations(market, context, outcomes)
        raise_for_failed_partitions(context, failed)
        yield from ()

    return order_book_assets


order_book_assets = build_order_book_assets(HOME_MARKET)
