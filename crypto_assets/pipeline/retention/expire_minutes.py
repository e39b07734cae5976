"""Minutes grow old: whole UTC days go, where hours and day stand complete or explained."""

from dataclasses import dataclass

from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms
from crypto_assets.pipeline.context import PipelineContext

_STEP_MS = 31 * DAY_MS


@dataclass(frozen=True)
class ExpiredMinutes:
    """Of one symbol: rows that went, all before `before` (epoch ms), and what holds up the rest."""

    symbol: str
    rows: int
    before: int
    blocker: str | None = None


def expire_minutes(
    platform: PipelineContext, symbol: str, older_than: int, *, dry_run: bool
) -> ExpiredMinutes | None:
    """Delete a symbol's minutes opened, fetched and loaded before an instant (epoch ms).

    Days go from the oldest on, up to the first that is younger, not complete or not explained: from
    then on nothing before `before` is fetched, aggregated or called a gap. None where there is
    nothing to say. Raises WarehouseError; may be killed anywhere and repeated.
    """
    warehouse = platform.warehouse
    oldest = warehouse.retention_candidates.find_oldest_minute(symbol)
    if oldest is None:
        return None
    # Retired already, but for a kill: goes whatever its days look like now.
    purged = warehouse.watermarks.get_watermark(symbol).purged_before or 0
    start = max(floor_ms(oldest, DAY_MS), purged)
    before, held_up = _find_expiry_limit(platform, symbol, start, older_than)
    if oldest >= before:
        return ExpiredMinutes(symbol, 0, before, held_up) if held_up else None
    if dry_run:
        return ExpiredMinutes(
            symbol, warehouse.retention_candidates.count_minutes(symbol, before), before, held_up
        )
    rows = warehouse.facts.expire_minutes(symbol, before, keep_stale_days=True)
    now_purged = warehouse.watermarks.get_watermark(symbol).purged_before or 0
    return ExpiredMinutes(symbol, rows, now_purged, held_up)


def _find_expiry_limit(
    platform: PipelineContext, symbol: str, start: int, older_than: int
) -> tuple[int, str | None]:
    """How far days may go from `start` on, and what is wrong with the first that may not."""
    end = floor_ms(older_than, DAY_MS)
    for at in range(start, end, _STEP_MS):
        window = Window(at, min(at + _STEP_MS, end))
        for day in platform.warehouse.retention_candidates.list_day_statuses(symbol, window):
            if day.last_changed_at >= older_than:
                return day.start, None
            if day.incomplete_reason:
                return day.start, day.incomplete_reason
    return max(start, end), None
