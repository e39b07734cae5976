"""Lists the objects of both lakes by symbol, as parsed from their keys."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from crypto_assets.lake import KeyParts, Lake, LakeEntry, day_prefix, parse_key
from crypto_assets.market.utc_time import DAY_MS, Window, day_start_ms
from crypto_assets.pipeline.context import PipelineContext

# One listing of everything is faster than longer ranges day by day.
_DAY_BY_DAY_MS = 62 * DAY_MS


@dataclass(frozen=True)
class ListedObject:
    """An object found in a lake, with the parts of its key and without a manifest row."""

    lake: Lake
    key: str
    parts: KeyParts
    size_bytes: int


def list_lake_objects(
    context: PipelineContext, window: Window | None, symbols: Collection[str] | None
) -> Mapping[str, list[ListedObject]]:
    """List objects by symbol, oldest day first; None selects all. Raises LakeError."""
    by_symbol: defaultdict[str, list[ListedObject]] = defaultdict(list)
    for lake in (context.raw_lake, context.archive_lake):
        for entry in _list_entries(lake, window):
            parts = parse_key(entry.key)
            if parts is None or (symbols is not None and parts.symbol not in symbols):
                continue
            if window is None or day_start_ms(parts.day) in window:
                by_symbol[parts.symbol].append(
                    ListedObject(lake, entry.key, parts, entry.size_bytes)
                )
    for objects in by_symbol.values():
        objects.sort(key=lambda item: (item.parts.day, item.key, item.lake.bucket))
    return by_symbol


def _list_entries(lake: Lake, window: Window | None) -> Iterator[LakeEntry]:
    if window is None or window.duration_ms > _DAY_BY_DAY_MS:
        yield from lake.list_entries()
        return
    for day in window.iter_days():
        yield from lake.list_entries(day_prefix(day))
