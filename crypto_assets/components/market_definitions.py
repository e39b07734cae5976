"""The definitions of one market, built by the same functions as those of the default market."""

import dagster as dg

from crypto_assets.dagster_ext.executor import owner_stamping_executor
from crypto_assets.defs import alerts, backfill, close_day, gap_repair, ingest, maintenance
from crypto_assets.defs import symbol_partitions as symbols
from crypto_assets.defs.assets.klines import build_klines_assets
from crypto_assets.defs.assets.maintenance import (
    build_retention_asset,
    build_warehouse_tables_asset,
)
from crypto_assets.defs.assets.order_books import build_order_book_assets
from crypto_assets.defs.common_attributes import add_common_attributes
from crypto_assets.defs.maintenance_checks import build_table_checks
from crypto_assets.defs.markets import MarketSpec
from crypto_assets.pipeline.context import PipelineContext


def build_market_definitions(
    market: MarketSpec, stores: dg.ConfigurableResource[PipelineContext]
) -> dg.Definitions:
    """Build assets, checks, jobs, schedules and sensors of a market.

    What serves the whole code location stays with the default market: alerts about failed runs, and
    the deletion of superseded runs.
    """
    backfill_job = backfill.build_backfill_job(market)
    ingest_job = ingest.build_ingest_job(market)
    books_job = ingest.build_order_books_job(market)
    close_day_job = close_day.build_close_day_job(market)
    gaps_job = gap_repair.build_repair_gaps_job(market)
    orphans_job = gap_repair.build_load_objects_job(market)
    orphaned_books_job = gap_repair.build_load_books_job(market)
    maintenance_job = maintenance.build_maintenance_job(market)
    definitions = dg.Definitions(
        assets=[
            build_klines_assets(market),
            build_order_book_assets(market),
            build_retention_asset(market),
            build_warehouse_tables_asset(market),
        ],
        asset_checks=build_table_checks(market),
        jobs=[
            backfill_job,
            ingest_job,
            books_job,
            close_day_job,
            gaps_job,
            orphans_job,
            orphaned_books_job,
            maintenance_job,
        ],
        schedules=[
            ingest.build_ingest_schedule(market, ingest_job),
            ingest.build_order_books_schedule(market, books_job),
            close_day.build_close_day_schedule(market, close_day_job),
            maintenance.build_maintenance_schedule(market, maintenance_job),
        ],
        sensors=[
            symbols.build_symbols_sensor(market, backfill_job),
            symbols.build_catch_up_sensor(market, backfill_job),
            gap_repair.build_gaps_sensor(market, gaps_job),
            gap_repair.build_orphaned_objects_sensor(
                market, orphans_job, orphaned_books_job, backfill_job
            ),
            alerts.build_stale_symbols_sensor(market),
        ],
        resources={market.resource_key: stores},
        executor=owner_stamping_executor,
    )
    return add_common_attributes(definitions, market)
