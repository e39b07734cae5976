"""Corrects fetch times that have not come yet: a clock that was ahead has set them.

Such a fetch would outrank every later one until its time has come, and would not expire. Earlier
versions stamped fetches by this machine's clock alone.
"""

import logging

from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import MINUTE_MS, format_utc, minute_end_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.retention.retention_time import MAX_CLOCK_DIFFERENCE_MS

_log = logging.getLogger(__name__)


def correct_future_fetches(context: PipelineContext) -> int:
    """Move the fetches after now to times before it, and return how many objects that were.

    Call it only when this machine's clock and the exchange's agree. All of them move by the same
    time, so that their order stays, and the newest one becomes now: later fetches outrank it. An
    order book has the exchange's time and stays. Safe to kill and repeat. Raises LakeError,
    WarehouseError.
    """
    now = context.exchange.rest.compute_fetch_time()
    limit = now + MAX_CLOCK_DIFFERENCE_MS
    corrected, lead = 0, None
    while objects := _list_future_fetches(context, limit):
        if lead is None:
            lead = objects[0].fetched_at - now
            _log.warning(
                "objects were fetched while the clock was ahead, until %s: their fetch times are "
                "corrected by %d minutes",
                *(format_utc(objects[0].fetched_at), lead // MINUTE_MS),
            )
            # First, because a correction that was killed is continued by its objects.
            context.warehouse.revisions.move_fetch_times_back(limit, lead)
        moved = sum(_correct_fetch(context, item, lead, limit) for item in objects)
        corrected += moved
        if not moved:
            break
    return corrected


def _list_future_fetches(context: PipelineContext, limit: int) -> list[LakeObject]:
    return context.warehouse.lake_objects.list_fetched_after(ObjectKind.KLINES, limit)


def _correct_fetch(context: PipelineContext, item: LakeObject, lead: int, limit: int) -> bool:
    """Correct one object in the lake, then in the warehouse; False if the lake lacks it."""
    lakes = (context.raw_lake, context.archive_lake)
    lake = next((one for one in lakes if one.bucket == item.bucket), None)
    if lake is None:
        return False
    # Its candles had closed when it was fetched.
    wanted = max(item.fetched_at - lead, minute_end_ms(item.last_time))
    lake.change_fetch_time(item.key, item.fetched_at, wanted)
    info = lake.get_info(item.key)
    if info is None or info.fetched_at > limit:
        return False
    # A run that was killed between the two may have chosen another time.
    context.warehouse.facts.change_fetch_time(item, info.fetched_at)
    return True
