"""Finds what killed runs left unfinished: unloaded objects, and hours and days not computed."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, islice
from operator import itemgetter

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import Lake, LakeEntry, day_prefix, describe_object, parse_key
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import (
    HOUR_MS,
    MINUTE_MS,
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
# What one call lists of each lake, and adopts of it: seconds of work on a server.
_MAX_SCANNED = 10_000
_MAX_ADOPTED = 2_000
_READERS = 8
_SCAN_STATE = "state.lake_scan"


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

    First records objects that are in a lake alone, see `adopt_orphaned_objects`. Raises LakeError,
    WarehouseError, ExchangeError.
    """
    before = now_ms() - after_ms
    adopt_orphaned_objects(context, before)
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


def adopt_orphaned_objects(context: PipelineContext, stored_before_ms: int) -> int:
    """Record objects that are in a lake alone; return how many.

    Their writer was killed before it recorded them, or the warehouse was restored from an older
    backup. Looks at today and yesterday, and at the next part of both lakes behind the last one: a
    bounded number of objects per call, and all of them in turn.
    """
    raw, today = context.raw_lake, day_of(context.exchange_now())
    unknown: list[tuple[Lake, str]] = []
    for prefix in map(day_prefix, (today - timedelta(days=1), today)):
        recent = _list_unknown_entries(context, raw, list(raw.list_entries(prefix)), prefix)
        unknown += [(raw, entry.key) for entry in recent if entry.stored_at < stored_before_ms]
    for lake in (raw, context.archive_lake):
        older = _scan_next_part(context, lake)
        unknown += [(lake, entry.key) for entry in older if entry.stored_at < stored_before_ms]
    with ThreadPoolExecutor(_READERS, "adopt") as pool:
        described = list(pool.map(lambda one: _describe_object(*one), dict.fromkeys(unknown)))
    objects = [item for item in described if item]
    context.warehouse.lake_objects.record_objects(objects)
    return len(objects)


def _scan_next_part(context: PipelineContext, lake: Lake) -> list[LakeEntry]:
    """Return the unknown objects of the next part of a lake; record where the next one begins."""
    name = f"{_SCAN_STATE}.{lake.bucket}"
    after = str(context.warehouse.app_settings.get_state(name) or "")
    entries = list(islice(lake.list_entries(after=after), _MAX_SCANNED))
    unknown = _list_unknown_entries(context, lake, entries, after)
    if len(unknown) > _MAX_ADOPTED:
        unknown = unknown[:_MAX_ADOPTED]
        following = unknown[-1].key
    else:
        following = entries[-1].key if len(entries) == _MAX_SCANNED else ""
    if following != after:
        context.warehouse.app_settings.put_state(name, following)
    return unknown


def _list_unknown_entries(
    context: PipelineContext, lake: Lake, entries: Sequence[LakeEntry], after: str
) -> list[LakeEntry]:
    """Return those of listed objects, in order and behind `after`, that the manifest lacks.

    A move that was killed leaves the copy in the archive lake, while the manifest has the raw one.
    """
    if not entries:
        return []
    buckets = [lake.bucket] if lake is context.raw_lake else [lake.bucket, context.raw_lake.bucket]
    known = context.warehouse.lake_objects.list_keys(buckets, after, entries[-1].key)
    return [entry for entry in entries if entry.key not in known and parse_key(entry.key)]


def _describe_object(lake: Lake, key: str) -> LakeObject | None:
    """Describe an object; None if another run has moved or deleted it since it was listed."""
    try:
        info, body = lake.get_with_info(key)
    except ObjectMissing:
        return None
    return describe_object(lake.bucket, key, body, info.fetched_at)


def _merge_days(items: Iterable[tuple[ObjectKind, str, date]]) -> list[UnfinishedDays]:
    """Merge consecutive days of the same symbol and kind."""
    merged = []
    for (kind, symbol), group in groupby(sorted(items), key=itemgetter(0, 1)):
        days = [day for _, _, day in group]
        for window in group_consecutive_days(days):
            inside = [day for day in days if day_start_ms(day) in window]
            merged.append(UnfinishedDays(kind, symbol, inside[0], inside[-1], len(inside)))
    return merged
