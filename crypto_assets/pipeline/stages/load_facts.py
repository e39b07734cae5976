"""Lake → facts: loads unloaded klines objects, and quarantines rows that cannot be true."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import orjson

from crypto_assets.market.candle_validation import RejectedRow
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.lake_object import LakeObject, ObjectKind
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.stages.lake_reader import read_unloaded_object, validate_objects
from crypto_assets.warehouse import QuarantineRecord, Warehouse


def load_klines(
    context: PipelineContext,
    symbol: str,
    window: Window,
    bodies: Mapping[str, bytes] | None = None,
) -> Counter[date]:
    """Load every unloaded klines object of a symbol whose day lies in `window`.

    `bodies` holds objects by key that were just stored and need not be read again. Loads all
    objects in one transaction, but drops one that is gone from the lake. Returns the number of
    loaded rows by the UTC day of their object. Raises LakeError, WarehouseError.
    """
    unloaded = context.warehouse.lake_objects.list_unloaded(symbol, ObjectKind.KLINES, window)
    read = [(item, read_unloaded_object(context, item, bodies or {})) for item in unloaded]
    objects = [(item, body) for item, body in read if body is not None]
    if not objects:
        return Counter()
    batches = []
    for (item, _), rows in zip(objects, validate_objects(objects), strict=True):
        if rows.rejects:
            quarantine_rejects(context.warehouse, item, rows.rejects)
        batches.append((item, rows.candles))
    context.warehouse.facts.load_objects(symbol, batches)
    loaded: Counter[date] = Counter()
    for item, candles in batches:
        loaded[item.day] += candles.num_rows
    return loaded


def quarantine_rejects(
    warehouse: Warehouse, item: LakeObject, rejects: Sequence[RejectedRow]
) -> None:
    """Record the rows of an object that must not enter the warehouse, each once."""
    warehouse.quarantine.add_records(
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
