"""Foreign klines objects into our lake: split by UTC day, and only what was final when written."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from crypto_assets.errors import ObjectMissing, WrongUse
from crypto_assets.lake import Lake, LakeEntry, build_klines_object
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.lake_object import LakeObject, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import (
    day_of,
    day_start_ms,
    group_by_month,
    group_consecutive_days,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.foreign_format import (
    ForeignFormatError,
    find_symbol_in_key,
    parse_foreign_rows,
)
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.stages.results import DayOutcome, KlinesStage


@dataclass(frozen=True)
class ImportResult:
    """What became of one foreign object; `refused` says why it, or a part of it, was not taken.

    `early` rows were not known to be final when the object was written, `old` ones lie before
    START_DATE.
    """

    key: str
    symbol: str | None = None
    days: tuple[date, ...] = ()
    rows: int = 0
    early: int = 0
    old: int = 0
    refused: str | None = None


def import_klines_objects(
    platform: PipelineContext, source: Lake, prefix: str, start: date
) -> Iterator[ImportResult]:
    """Take the klines objects under a prefix of any store into the raw lake, oldest written first.

    A row counts if its object was written after its close plus the settle delay; rows before
    `start` are left out, and so are symbols that are not tracked. They are loaded by `load_days`.
    Raises LakeError, WarehouseError.
    """
    tracked = {symbol.name for symbol in platform.warehouse.symbols.list_tracked()}
    for entry in sorted(source.list_entries(prefix), key=_order_by_time):
        try:
            yield _import_object(platform, source, entry, tracked, start)
        except ForeignFormatError as error:
            yield ImportResult(entry.key, refused=str(error))


def load_imported_days(
    platform: PipelineContext, symbol: str, days: Iterable[date]
) -> Iterator[DayOutcome]:
    """Bring what lies unloaded of some days of a symbol from the lake to its daily candles."""
    later = [stage for stage in KlinesStage if stage is not KlinesStage.RAW]
    closed_before = platform.closed_before()
    with ThreadPoolExecutor(1) as pool:
        for month in group_by_month(sorted(days)):
            # Days between that nobody has brought are no gaps.
            for window in group_consecutive_days(month):
                chain = SymbolPipeline(platform, symbol, window, later, closed_before, pool)
                yield from chain.load_stored_days(list(window.iter_days()), [])


def _import_object(
    platform: PipelineContext, source: Lake, entry: LakeEntry, tracked: set[str], start: date
) -> ImportResult:
    if not entry.key.endswith(".json"):
        raise ForeignFormatError("its name does not end in .json")
    symbol = find_symbol_in_key(entry.key, tracked)
    try:
        info, body = source.get_with_info(entry.key)
    except (WrongUse, ObjectMissing) as error:  # S3 lists keys that no lake can hold, as `a//b`
        raise ForeignFormatError(str(error)) from error
    found = parse_foreign_rows(body, info.fetched_at, platform.settle_ms)
    rows = [row for row in found.rows if int(row[0]) >= day_start_ms(start)]
    parts = [
        _put_imported(platform, symbol, list(own), info.fetched_at)
        for _, own in groupby(rows, key=lambda row: day_of(int(row[0])))
    ]
    platform.warehouse.lake_objects.record_objects([part for part in parts if part])
    more = f"{found.refused} rows: {found.flaw}" if found.flaw else None
    return ImportResult(
        entry.key,
        symbol,
        days=tuple(sorted({day_of(int(row[0])) for row in rows})),
        rows=len(rows),
        early=found.early,
        old=len(found.rows) - len(rows),
        refused=more,
    )


def _put_imported(
    platform: PipelineContext, symbol: str, rows: list[KlineRow], written_at: int
) -> LakeObject | None:
    """None where an object of the same stretch stands that was written later, or holds more."""
    lake = platform.raw_lake
    item, body = build_klines_object(
        lake.bucket, symbol, RawKlines.from_rows(rows), Source.IMPORT, written_at
    )
    standing = lake.get_info(item.key)
    if standing and standing.fetched_at > written_at:
        return None
    put = lake.put(item.key, body, fetched_at=written_at, source=Source.IMPORT, rows=len(rows))
    return item if put else None


def _order_by_time(entry: LakeEntry) -> tuple[int, str]:
    return entry.stored_at, entry.key
