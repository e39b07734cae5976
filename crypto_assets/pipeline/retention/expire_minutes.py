"""Expires minutes: whole UTC days that are complete or explained."""

from dataclasses import dataclass

from crypto_assets.market.utc_time import DAY_MS, Window, floor_ms
from crypto_assets.pipeline.context import PipelineContext


@dataclass(frozen=True)
class ExpiredMinutes:
    """The number of expired rows of a symbol, all before `before` (epoch ms).

    `blocker` is the reason why older minutes stay, None without any.
    """

    symbol: str
    rows: int
    before: int
    blocker: str | None = None


def expire_minutes(
    context: PipelineContext, symbol: str, older_than: int, *, dry_run: bool
) -> ExpiredMinutes | None:
    """Delete a symbol's minutes that were opened, fetched and loaded before an instant (epoch ms).

    Deletes days from the oldest on, up to the first that is younger, or neither complete nor
    explained. Nothing before `before` is fetched or aggregated again, or recorded as a gap. Returns
    None where nothing expires and nothing blocks. Safe to kill and repeat. Raises WarehouseError.
    """
    warehouse = context.warehouse
    oldest = warehouse.retention_candidates.find_oldest_minute(symbol)
    if oldest is None:
        return None
    # What a killed run left of expired days is deleted, whatever the state of the days is now.
    purged = warehouse.watermarks.get_watermark(symbol).purged_before or 0
    start = max(floor_ms(oldest, DAY_MS), purged)
    before, blocker = _find_expiry_limit(context, symbol, start, older_than)
    if oldest >= before:
        return ExpiredMinutes(symbol, 0, before, blocker) if blocker else None
    if dry_run:
        rows = warehouse.retention_candidates.count_minutes(symbol, before)
        return ExpiredMinutes(symbol, rows, before, blocker)
    rows = warehouse.facts.expire_minutes(symbol, before, keep_stale_days=True)
    now_purged = warehouse.watermarks.get_watermark(symbol).purged_before or 0
    return ExpiredMinutes(symbol, rows, now_purged, blocker)


def _find_expiry_limit(
    context: PipelineContext, symbol: str, start: int, older_than: int
) -> tuple[int, str | None]:
    """Return the end of the days that may expire, and the reason if the next one is incomplete."""
    end = floor_ms(older_than, DAY_MS)
    for month in Window(start, end).split_by_month():
        for day in context.warehouse.retention_candidates.list_day_statuses(symbol, month):
            if day.last_changed_at >= older_than:
                return day.start, None
            if day.incomplete_reason:
                return day.start, day.incomplete_reason
    return max(start, end), None
