"""Order books: raw_order_book → fact_order_book, which two jobs capture and load.

The exchange keeps no history of its order book, so no button or backfill can materialize a past
day. Therefore Dagster shows both as external assets: their partitions begin with the first capture,
and the runs log a materialization for each partition that has snapshots. As assets that Dagster
materializes, they would fail on each past day of "Materialize all", or, with partitions of their
own, leave that dialog no other choice than all partitions of all assets.
"""

import inspect
import warnings
from collections.abc import Iterable

import dagster as dg

from crypto_assets.defs.assets.materializations import (
    fail_unless_stores_ready,
    log_materializations,
    raise_for_failed_partitions,
    require_partitions,
    wait_for_services,
)
from crypto_assets.defs.assets.specs import build_order_book_specs
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.run_partitions import PartitionsConfig
from crypto_assets.market.utc_time import day_of
from crypto_assets.orchestrator.run_queue import get_ingest_mode
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.order_books import ingest_order_books
from crypto_assets.pipeline.stages.results import OrderBookStage
from crypto_assets.pipeline.stages.symbol_status import list_trading_names


def build_order_books_op(
    market: MarketSpec, name: str, stages: Iterable[OrderBookStage]
) -> dg.OpDefinition:
    """Build the op that materializes these stages of a market's order books."""

    @dg.op(
        name=name,
        description="Materializes the partitions of its run config; by default, those of all "
        "tracked symbols today.",
        required_resource_keys={market.resource_key},
        out=dg.Out(dg.Nothing),
    )
    def order_books_op(context: dg.OpExecutionContext, config: PartitionsConfig) -> None:
        """Capture order books, and load the lake's order books of the run's partitions.

        A tick skips symbols that have been untracked or do not trade any more.
        """
        platform = market.get_platform(context)
        is_tick = get_ingest_mode(context.run.tags) is not None
        failed = []
        with wait_for_services(context, platform, is_tick=is_tick):
            fail_unless_stores_ready(context, platform)
            if not config.dates and not config.symbols:
                config = _choose_today(market, platform)
            requested = require_partitions(market, context, config)
            if is_tick:
                trading = list_trading_names(platform.warehouse.symbols.list_tracked())
                requested = [keys for keys in requested if keys.symbol in trading]
            for symbol_keys in requested:
                for key in symbol_keys.keys:
                    window = market.partitions.partition_window(key)
                    outcomes = ingest_order_books(platform, symbol_keys.symbol, window, set(stages))
                    failed += log_materializations(market, context, outcomes)
        raise_for_failed_partitions(context, failed)

    return order_books_op


def build_order_book_assets(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the external assets of a market's order books."""
    source = {"dagster/code_references": _link_to_op()}
    return dg.AssetsDefinition(
        specs=[spec.merge_attributes(metadata=source) for spec in build_order_book_specs(market)]
    )


def _choose_today(market: MarketSpec, platform: PipelineContext) -> PartitionsConfig:
    today = market.partitions.date_key(day_of(platform.exchange_now()))
    symbols = list_trading_names(platform.warehouse.symbols.list_tracked())
    return PartitionsConfig(dates=[today] if symbols else [], symbols=symbols)


def _link_to_op() -> dg.CodeReferencesMetadataValue:
    """Return the link to the op's function, as Dagster builds it for assets with a step."""
    path = inspect.getsourcefile(build_order_books_op) or ""
    line = inspect.getsourcelines(build_order_books_op)[1]
    with warnings.catch_warnings():
        # Dagster's classes for code references may still change.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=path, line_number=line)]
        )


order_book_assets = build_order_book_assets(DEFAULT_MARKET)
