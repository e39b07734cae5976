"""Records the days between stored ones that were never requested as gaps.

A load of older days, or of days far apart, leaves them. As open gaps they are counted, shown and
fetched like all others: every minute between a symbol's first and last candle is stored or in the
ledger.
"""

from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps


def record_holes(context: PipelineContext, closed_before_ms: int, symbol: str | None = None) -> int:
    """Record the holes of one or of all tracked symbols that the ledger lacks; return how many.

    Expired minutes are no hole. Raises WarehouseError.
    """
    holes = context.warehouse.unrecorded_holes.list_holes(symbol)
    for hole in holes:
        record_gaps(context, hole.symbol, hole.window, closed_before_ms)
    return len(holes)
