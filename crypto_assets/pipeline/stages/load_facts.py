"""Lake → facts: unloaded klines objects become rows, what cannot be true is set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

import orjson

from crypto_assets.market.candle_validation import RejectedRow
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.lake_reader import read_unloaded_object, sift_objects
from crypto_assets.warehouse import KlinesBatch, QuarantineRecord


@dataclass(frozen=True)
class FactLoadResult:
    """What one load did; counts of rows by the UTC day of their object.

    `rejected` rows are in quarantine: they cannot be true, or are imported minutes that do not
    exist.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    rejected: int = 0
    objects: int = 0
    rows_by_day: Mapping[date, int] = field(default_factory=dict)


def load_klines(
    platform: PipelineContext,
    symbol: str,
    window: Window,
    bodies: Mapping[str, bytes] | None = None,
) -> FactLoadResult:
    """Load every unloaded klines object of a symbol whose day lies in `window`.

    `bodies` saves reading objects again that were put a moment ago. One transaction: either all
    of them are loaded or none, but one that is gone from the lake is dropped and stops no other.
    Raises LakeError, WarehouseError.
    """
    named = platform.warehouse.lake_objects.list_unloaded(symbol, ObjectKind.KLINES, window)
    read = [(item, _read_body(platform, item, bodies or {})) for item in named]
    given = [(item, body) for item, body in read if body is not None]
    if not given:
        return FactLoadResult()
    objects = [item for item, _ in given]
    sifted = list(zip(objects, sift_objects(given), strict=True))
    for item, parts in sifted:
        if parts.rejects:
            quarantine_rejects(platform, item, parts.rejects)
    batches = [(item, parts.candles) for item, parts in sifted]
    result = platform.warehouse.facts.load_objects(symbol, batches)
    return FactLoadResult(
        rows=result.rows,
        new=result.new,
        changed=result.changed,
        rejected=sum(len(parts.rejects) for _, parts in sifted) + result.refused,
        objects=len(objects),
        rows_by_day=_sum_rows_by_day(batches),
    )


def _read_body(
    platform: PipelineContext, item: LakeObject, bodies: Mapping[str, bytes]
) -> bytes | None:
    """What the manifest means by the key: another run may have put a later fetch under it."""
    known = bodies.get(item.key)
    if known is not None and sha256(known).hexdigest() == item.sha256:
        return known
    return read_unloaded_object(platform, item)


def quarantine_rejects(
    platform: PipelineContext, item: LakeObject, rejects: Sequence[RejectedRow]
) -> None:
    """Note rows of an object that may not enter the warehouse, each once."""
    platform.warehouse.quarantine.add_records(
        [
            QuarantineRecord(
                symbol=item.symbol,
                kind=item.kind,
                bucket=item.bucket,
                key=item.key,
                reason=reject.reason,
                content=orjson.dumps(reject.row, default=str).decode(),
                open_time=_parse_open_time(reject.row),
            )
            for reject in rejects
        ]
    )


def _parse_open_time(row: KlineRow) -> int | None:
    first = row[0] if row else None
    return first if isinstance(first, int) and abs(first) < 2**63 else None


def _sum_rows_by_day(batches: Sequence[KlinesBatch]) -> dict[date, int]:
    counts: dict[date, int] = {}
    for item, candles in batches:
        day = day_of(item.first_time)
        counts[day] = counts.get(day, 0) + candles.num_rows
    return counts
