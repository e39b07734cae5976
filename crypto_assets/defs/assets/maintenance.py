"""Maintenance assets, which have no partitions and run on schedules or on request."""

from pathlib import Path
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.run_retention import (
    delete_superseded_runs,
    list_automatic_jobs,
    measure_home_bytes,
)
from crypto_assets.defs.assets.materializations import (
    build_run_failure,
    fail_unless_stores_ready,
    wait_for_services,
)
from crypto_assets.defs.markets import DEFAULT_MARKET, MarketSpec
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.errors import ClockNotTrusted
from crypto_assets.market.utc_time import format_utc
from crypto_assets.pipeline.retention.apply_retention import RetentionResult, apply_retention

MAINTENANCE_GROUP = "maintenance"
_TAGS = {"layer": "maintenance", "cadence": "scheduled"}


def build_retention_asset(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the asset that applies the retention policy to a market's stores."""

    @dg.asset(
        key=market.asset_key("retention"),
        group_name=market.prefix_name(MAINTENANCE_GROUP),
        kinds={"python"},
        tags=_TAGS,
        metadata={"runbook": runbook_link("retention")},
        description="Moves old raw objects to the archive, and deletes old archived objects, "
        "minutes and order-book levels.",
        required_resource_keys={market.resource_key},
    )
    def retention(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        """Apply the retention policy and report the number of expired objects and rows."""
        platform = market.get_platform(context)
        try:
            with wait_for_services(context, platform):
                fail_unless_stores_ready(context, platform)
                result = apply_retention(platform)
        except ClockNotTrusted as error:
            raise build_run_failure(context, str(error)) from None
        if result.time.last_run_ms is not None:
            context.log.warning(
                f"ages count as of {format_utc(result.time.at_ms)}, 7 days after the last run; "
                "`crypto-assets retain --yes` expires the rest"
            )
        for symbol, reason in result.blockers.items():
            context.log.warning(f"older minutes of {symbol} are kept from {reason}")
        return dg.MaterializeResult(metadata=_build_retention_metadata(result))

    return retention


def build_warehouse_tables_asset(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the asset that describes the tables of a market's warehouse."""

    @dg.asset(
        key=market.asset_key("warehouse_tables"),
        group_name=market.prefix_name(MAINTENANCE_GROUP),
        kinds={"python"},
        tags=_TAGS,
        metadata={"runbook": runbook_link("the-warehouses-tables")},
        description="Reads the columns and the size of the warehouse's tables, and counts the "
        "minutes that are missing without an explanation.",
        required_resource_keys={market.resource_key},
    )
    def warehouse_tables(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        """Report the tables as the database describes them; a column's name is `table.column`."""
        platform = market.get_platform(context)
        fail_unless_stores_ready(context, platform)
        stats = platform.warehouse.coverage
        columns = [
            dg.TableColumn(f"{table}.{name}", kind)
            for table, kinds in stats.read_table_columns().items()
            for name, kind in kinds.items()
        ]
        symbols = stats.list_by_symbol()
        return dg.MaterializeResult(
            metadata={
                "dagster/column_schema": dg.TableSchema(columns=columns),
                "minute_rows": sum(symbol.rows for symbol in symbols),
                "missing_minutes": sum(symbol.missing_minutes for symbol in symbols),
                "explained_minutes": sum(symbol.explained_minutes for symbol in symbols),
                "warehouse_bytes": sum(stats.read_table_sizes().values()),
            }
        )

    return warehouse_tables


retention = build_retention_asset(DEFAULT_MARKET)
warehouse_tables = build_warehouse_tables_asset(DEFAULT_MARKET)


@dg.asset(
    group_name=MAINTENANCE_GROUP,
    kinds={"python"},
    tags=_TAGS,
    metadata={"runbook": runbook_link("dagsters-own-history")},
    description="Deletes superseded runs of automatic jobs; each partition keeps its status.",
)
def dagster_history(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Delete superseded runs and report the size of Dagster's home."""
    home = Path(context.instance.root_directory)
    before = measure_home_bytes(home)
    jobs = list_automatic_jobs(context.repository_def)
    runs = delete_superseded_runs(context.instance, jobs)
    return dg.MaterializeResult(
        metadata={
            "runs_deleted": runs.deleted,
            "older_runs_kept": runs.retained,
            "home_bytes_before": before,
            "home_bytes": measure_home_bytes(home),
        }
    )


def _build_retention_metadata(result: RetentionResult) -> dict[str, Any]:
    lake = result.lake
    return {
        "objects_moved": lake.moved.objects,
        "bytes_moved": lake.moved.size_bytes,
        "objects_deleted": lake.deleted.objects,
        "bytes_deleted": lake.deleted.size_bytes,
        "objects_not_moved": lake.not_moved.objects,
        "minute_rows_deleted": result.minute_rows,
        "order_book_levels_deleted": result.order_book_levels,
        "blockers": result.blockers,
    }
