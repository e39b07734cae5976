"""Maintenance: assets without partitions, run at night and by hand."""

from typing import Any

import dagster as dg

from crypto_assets.defs.assets.specs import OWNERS
from crypto_assets.pipeline.platform import Platform
from crypto_assets.pipeline.retention import Retired, retain
from crypto_assets.pipeline.setup import admit


@dg.asset(
    group_name="maintenance",
    kinds={"python"},
    owners=OWNERS,
    description="Old raw objects into the archive and out of it, old minutes and book levels gone.",
)
def retention(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Retire what is older than the settings keep it, and say how much went."""
    admit(platform)
    retired = retain(platform)
    for symbol, reason in retired.held_up.items():
        context.log.warning(f"old minutes of {symbol} stay from {reason}")
    return dg.MaterializeResult(metadata=_metadata(retired))


def _metadata(retired: Retired) -> dict[str, Any]:
    lake = retired.lake
    return {
        "objects_moved": lake.moved.objects,
        "bytes_moved": lake.moved.size_bytes,
        "objects_deleted": lake.deleted.objects,
        "bytes_deleted": lake.deleted.size_bytes,
        "objects_left": lake.left.objects,
        "minute_rows_deleted": retired.minute_rows,
        "order_book_levels_deleted": retired.order_book_levels,
        "held_up": retired.held_up,
    }
