"""What a run that was cut short left: objects that stand unloaded, hours and days not computed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import day_prefix, describe_object, parse_key
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import (
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    day_start_ms,
    now_ms,
)
from crypto_assets.pipeline.context import PipelineContext

# What was put a moment ago is on its way.
ORPHANED_AFTER_MS = 5 * MINUTE_MS
# Ticks and the closing of a day, the last of which is at 07:00, compute its hours before that.
COMPUTED_AFTER_MS = 8 * HOUR_MS


@dataclass(frozen=True)
class UnfinishedDays:
    """A stretch of days without a break, each with something left of one symbol and kind.

    `count`: how many objects, or days.
    """

    kind: ObjectKind
    symbol: str
    first: date
    last: date
    count: int


def find_orphaned_objects(
    platform: PipelineContext, after_ms: int = ORPHANED_AFTER_MS
) -> list[UnfinishedDays]:
    """Unloaded objects that nobody has touched for a while, of registered symbols.

    Objects of today and yesterday that the manifest does not know are put into it first: their
    writer was killed between the two. Raises LakeError, WarehouseError, ExchangeError.
    """
    before = now_ms() - after_ms
    today = day_of(platform.exchange_now())
    adopt_orphaned_objects(platform, [today - timedelta(days=1), today], before)
    found = [
        item
        for kind in ObjectKind
        for item in platform.warehouse.lake_objects.list_orphaned(kind, before)
    ]
    return _merge_days((item.kind, item.symbol, day_of(item.first_time)) for item in found)


def find_uncomputed_days(platform: PipelineContext) -> list[UnfinishedDays]:
    """Days that are over and whose hours or daily candle a run that was cut short left stale.

    Raises WarehouseError, ExchangeError.
    """
    before = day_start_ms(day_of(platform.exchange_now() - COMPUTED_AFTER_MS))
    days = platform.warehouse.aggregates.list_stale_days(before)
    return _merge_days((ObjectKind.KLINES, symbol, day) for symbol, day in days)


def adopt_orphaned_objects(
    platform: PipelineContext, days: Iterable[date], stored_before_ms: int
) -> int:
    """Put objects of some days into the manifest that stand in the lake alone; answers how many."""
    unknown = []
    for day in days:
        known = _list_known_keys(platform, day)
        unknown += [
            entry.key
            for entry in platform.raw_lake.list_entries(day_prefix(day))
            if entry.key not in known and entry.stored_at < stored_before_ms
        ]
    described = [_describe_object(platform, key) for key in unknown if parse_key(key)]
    objects = [item for item in described if item]
    platform.warehouse.lake_objects.record_objects(objects)
    return len(objects)


def _list_known_keys(platform: PipelineContext, day: date) -> set[str]:
    window = Window.of_day(day)
    return {
        item.key
        for symbol in platform.warehouse.symbols.list_all()
        for kind in ObjectKind
        for item in platform.warehouse.lake_objects.list_in_window(symbol.name, kind, window)
    }


def _describe_object(platform: PipelineContext, key: str) -> LakeObject | None:
    """None where another run has moved or removed it since it was listed."""
    try:
        info, body = platform.raw_lake.get_with_info(key)
    except ObjectMissing:
        return None
    return describe_object(platform.raw_lake.bucket, key, body, info.fetched_at)


def _merge_days(left: Iterable[tuple[ObjectKind, str, date]]) -> list[UnfinishedDays]:
    """Neighbouring days of one symbol and kind as one."""
    found: list[UnfinishedDays] = []
    for kind, symbol, day in sorted(left):
        last = found[-1] if found else None
        same = last and (last.kind, last.symbol) == (kind, symbol)
        if last and same and day - last.last <= timedelta(days=1):
            found[-1] = replace(last, last=day, count=last.count + 1)
        else:
            found.append(UnfinishedDays(kind, symbol, day, day, 1))
    return found
