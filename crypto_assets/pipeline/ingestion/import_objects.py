"""Imports klines objects of other programs into the lake, by UTC day.

Only rows that were final when their object was written are imported.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from crypto_assets.errors import ObjectMissing, WrongUse
from crypto_assets.lake import Lake, LakeEntry, build_klines_object
from crypto_assets.market.lake_object import LakeObject, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import Window, group_by_month
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.foreign_format import (
    MAX_OBJECT_BYTES,
    ForeignFormatError,
    find_symbol_in_key,
    parse_foreign_rows,
)
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage


@dataclass(frozen=True)
class ImportResult:
    """The result of importing one object.

    `refused` describes why the object, or a part of it, was not imported. `early` counts rows that
    may not have been final when the object was written, `old` those before START_DATE.
    """

    key: str
    symbol: str | None = None
    days: tuple[date, ...] = ()
    rows: int = 0
    early: int = 0
    old: int = 0
    refused: str | None = None


def import_klines_objects(
    context: PipelineContext, source: Lake, prefix: str, start: date
) -> Iterator[ImportResult]:
    """Import the klines objects under a prefix of any store into the raw lake, oldest first.

    Imports a row if its object was written after its close plus the settle delay. Leaves out rows
    before `start`, and symbols that are not tracked. `load_imported_days` loads what was imported.
    Raises LakeError, WarehouseError.
    """
    tracked = {symbol.name for symbol in context.warehouse.symbols.list_tracked()}
    for entry in sorted(source.list_entries(prefix), key=_order_by_time):
        try:
            yield _import_object(context, source, entry, tracked, start)
        except ForeignFormatError as error:
            yield ImportResult(entry.key, refused=str(error))


def load_imported_days(
    context: PipelineContext, symbol: str, days: Iterable[date]
) -> Iterator[DayOutcome]:
    """Load the unloaded objects of a symbol's days, and aggregate hours and days."""
    later = [stage for stage in KlinesStage if stage is not KlinesStage.RAW]
    closed_before = context.closed_before()
    with ThreadPoolExecutor(1) as pool:
        for month in group_by_month(sorted(days)):
            window = Window.of_days(month[0], month[-1])
            pipeline = SymbolPipeline(context, symbol, window, later, closed_before, pool)
            yield from pipeline.load_stored_days(month, [])


def _import_object(
    context: PipelineContext, source: Lake, entry: LakeEntry, tracked: set[str], start: date
) -> ImportResult:
    if not entry.key.endswith(".json"):
        raise ForeignFormatError("its name does not end in .json")
    symbol = find_symbol_in_key(entry.key, tracked)
    if entry.size_bytes > MAX_OBJECT_BYTES:
        raise ForeignFormatError(
            f"it has {entry.size_bytes >> 20} MB, more than {MAX_OBJECT_BYTES >> 20}: split it, "
            "for example into one object per month"
        )
    try:
        info, body = source.get_with_info(entry.key)
    except (WrongUse, ObjectMissing) as error:  # S3 lists keys that no lake can hold, as `a//b`
        raise ForeignFormatError(str(error)) from error
    parsed = parse_foreign_rows(body, info.fetched_at, context.settle_ms)
    days = parsed.list_days(start)
    imported = [parsed.select_window(Window.of_day(day)) for day in days]
    parts = [
        _put_imported(context.raw_lake, symbol, klines, info.fetched_at) for klines in imported
    ]
    rows = sum(map(len, imported))
    context.warehouse.lake_objects.record_objects([part for part in parts if part])
    refused = f"{parsed.refused} rows: {parsed.flaw}" if parsed.flaw else None
    return ImportResult(
        entry.key,
        symbol,
        days=tuple(days),
        rows=rows,
        early=parsed.early,
        old=len(parsed.rows) - rows,
        refused=refused,
    )


def _put_imported(lake: Lake, symbol: str, klines: RawKlines, written_at: int) -> LakeObject | None:
    """Store rows; None if an object of the same window exists that is newer or has more rows."""
    item, body = build_klines_object(lake.bucket, symbol, klines, Source.IMPORT, written_at)
    existing = lake.get_info(item.key)
    if existing and existing.fetched_at > written_at:
        return None
    put = lake.put(item.key, body, fetched_at=written_at, source=Source.IMPORT, rows=len(klines))
    return item if put else None


def _order_by_time(entry: LakeEntry) -> tuple[int, str]:
    return entry.stored_at, entry.key
