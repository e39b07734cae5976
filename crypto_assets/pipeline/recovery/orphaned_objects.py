"""Finds what killed runs left unfinished: unloaded objects, and hours and days not computed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import day_prefix, describe_object, parse_key
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import (
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    day_start_ms,
    group_consecutive_days,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext

# The run that put a younger object may still load it.
ORPHANED_AFTER_MS = 5 * MINUTE_MS
# Later than all ticks and closings of a day, the last of which is at 07:00.
COMPUTED_AFTER_MS = 8 * HOUR_MS


@dataclass(frozen=True)
class UnfinishedDays:
    """Consecutive days of a symbol, each with unfinished work of one kind.

    `count` is the number of objects, or of days.
    """

    kind: ObjectKind
    symbol: str
    first: date
    last: date
    count: int


def find_orphaned_objects(
    context: PipelineContext, after_ms: int = ORPHANED_AFTER_MS
) -> list[UnfinishedDays]:
    """Find unloaded objects of registered symbols that are older than `after_ms`.

    First records objects of today and yesterday that are in the lake alone: their writer was killed
    before it recorded them. Raises LakeError, WarehouseError, ExchangeError.
    """
    before = now_ms() - after_ms
    today = day_of(context.exchange_now())
    adopt_orphaned_objects(context, [today - timedelta(days=1), today], before)
    objects = [
        item
        for kind in ObjectKind
        for item in context.warehouse.lake_objects.list_orphaned(kind, before)
    ]
    return _merge_days((item.kind, item.symbol, item.day) for item in objects)


def find_uncomputed_days(context: PipelineContext) -> list[UnfinishedDays]:
    """Find closed days whose hours or daily candle are still stale.

    Raises WarehouseError, ExchangeError.
    """
    before = day_start_ms(day_of(context.exchange_now() - COMPUTED_AFTER_MS))
    days = context.warehouse.aggregates.list_stale_days(before)
    return _merge_days((ObjectKind.KLINES, symbol, day) for symbol, day in days)


def adopt_orphaned_objects(
    context: PipelineContext, days: Iterable[date], stored_before_ms: int
) -> int:
    """Record objects of some days that are in the raw lake alone; return how many."""
    unknown = []
    for day in days:
        known = _list_known_keys(context, day)
        unknown += [
            entry.key
            for entry in context.raw_lake.list_entries(day_prefix(day))
            if entry.key not in known and entry.stored_at < stored_before_ms
        ]
    described = [_describe_object(context, key) for key in unknown if parse_key(key)]
    objects = [item for item in described if item]
    context.warehouse.lake_objects.record_objects(objects)
    return len(objects)


def _list_known_keys(context: PipelineContext, day: date) -> set[str]:
    window = Window.of_day(day)
    return {
        item.key
        for symbol in context.warehouse.symbols.list_all()
        for kind in ObjectKind
        for item in context.warehouse.lake_objects.list_in_window(symbol.name, kind, window)
    }


def _describe_object(context: PipelineContext, key: str) -> LakeObject | None:
    """Describe an object; None if another run has moved or deleted it since it was listed."""
    try:
        info, body = context.raw_lake.get_with_info(key)
    except ObjectMissing:
        return None
    return describe_object(context.raw_lake.bucket, key, body, info.fetched_at)


def _merge_days(items: Iterable[tuple[ObjectKind, str, date]]) -> list[UnfinishedDays]:
    """Merge consecutive days of the same symbol and kind."""
    merged = []
    for (kind, symbol), group in groupby(sorted(items), key=itemgetter(0, 1)):
        days = [day for _, _, day in group]
        for window in group_consecutive_days(days):
            inside = [day for day in days if day_start_ms(day) in window]
            merged.append(UnfinishedDays(kind, symbol, inside[0], inside[-1], len(inside)))
    return merged
