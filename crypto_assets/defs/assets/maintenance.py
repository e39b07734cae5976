"""Maintenance assets, which have no partitions and run on schedules or on request."""

from pathlib import Path
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.run_retention import (
    delete_superseded_runs,
    list_automatic_jobs,
    measure_home_bytes,
)
from crypto_assets.defs import freshness
from crypto_assets.defs.assets.materializations import fail_unless_stores_ready
from crypto_assets.defs.assets.specs import ASSET_OWNERS
from crypto_assets.defs.markets import HOME_MARKET, MarketSpec
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.pipeline.retention.apply_retention import RetentionResult, apply_retention

MAINTENANCE_GROUP = "maintenance"
_TAGS = {"layer": "maintenance", "cadence": "scheduled"}


def build_retention_asset(market: MarketSpec) -> dg.AssetsDefinition:
    """Build the asset that applies the retention policy to a market's stores."""

    @dg.asset(
        key=market.asset_key("retention"),
        group_name=market.prefix_name(MAINTENANCE_GROUP),
        kinds={"python"},
        owners=ASSET_OWNERS,
        tags=_TAGS,
        freshness_policy=freshness.NIGHTLY_TASK_FRESHNESS,
        metadata={"runbook": runbook_link("retention")},
        description="Moves old raw objects to the archive, and deletes old archived objects, "
        "minutes and order-book levels.",
        required_resource_keys={market.resource_key},
    )
    def retention(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        """Apply the retention policy and report the number of expired objects and rows."""
        platform = market.get_platform(context)
        fail_unless_stores_ready(context, platform)
        result = apply_retention(platform)
        for symbol, reason in result.blockers.items():
            context.log.warning(f"older minutes of {symbol} are kept from {reason}")
        return dg.MaterializeResult(metadata=_build_retention_metadata(result))

    return retention


retention = build_retention_asset(HOME_MARKET)


@dg.asset(
    group_name=MAINTENANCE_GROUP,
    kinds={"python"},
    owners=ASSET_OWNERS,
    tags=_TAGS,
    freshness_policy=freshness.HOURLY_TASK_FRESHNESS,
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
