"""Maintenance: assets without partitions, run at night and by hand."""

from pathlib import Path
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.run_retention import (
    AUTOMATIC_JOBS,
    delete_superseded_runs,
    measure_home_bytes,
)
from crypto_assets.defs import freshness
from crypto_assets.defs.assets.materializations import fail_unless_stores_ready
from crypto_assets.defs.assets.specs import ASSET_OWNERS
from crypto_assets.defs.metadata import runbook_link
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.apply_retention import RetentionResult, apply_retention

_TAGS = {"layer": "maintenance", "cadence": "scheduled"}


@dg.asset(
    group_name="maintenance",
    kinds={"python"},
    owners=ASSET_OWNERS,
    tags=_TAGS,
    freshness_policy=freshness.NIGHTLY_TASK_FRESHNESS,
    metadata={"runbook": runbook_link("retention")},
    description="Old raw objects into the archive and out of it, old minutes and book levels gone.",
)
def retention(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[PipelineContext]
) -> dg.MaterializeResult[None]:
    """Retire what is older than the settings keep it, and say how much went."""
    fail_unless_stores_ready(context, platform)
    retired = apply_retention(platform)
    for symbol, reason in retired.blockers.items():
        context.log.warning(f"old minutes of {symbol} stay from {reason}")
    return dg.MaterializeResult(metadata=_build_retention_metadata(retired))


@dg.asset(
    group_name="maintenance",
    kinds={"python"},
    owners=ASSET_OWNERS,
    tags=_TAGS,
    freshness_policy=freshness.HOURLY_TASK_FRESHNESS,
    metadata={"runbook": runbook_link("dagsters-own-history")},
    description="Superseded runs of the live jobs gone, and partitions as green as before.",
)
def dagster_history(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Thin out the history of the live jobs, and say how large Dagster's home is."""
    home = Path(context.instance.root_directory)
    before = measure_home_bytes(home)
    thinned = delete_superseded_runs(context.instance, AUTOMATIC_JOBS)
    return dg.MaterializeResult(
        metadata={
            "runs_deleted": thinned.deleted,
            "older_runs_kept": thinned.retained,
            "home_bytes_before": before,
            "home_bytes": measure_home_bytes(home),
        }
    )


def _build_retention_metadata(retired: RetentionResult) -> dict[str, Any]:
    lake = retired.lake
    return {
        "objects_moved": lake.moved.objects,
        "bytes_moved": lake.moved.size_bytes,
        "objects_deleted": lake.deleted.objects,
        "bytes_deleted": lake.deleted.size_bytes,
        "objects_left": lake.not_moved.objects,
        "minute_rows_deleted": retired.minute_rows,
        "order_book_levels_deleted": retired.order_book_levels,
        "held_up": retired.blockers,
    }
