"""Makes expired days available again."""

from datetime import date

from crypto_assets.market.utc_time import Window, day_start_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps


def lift_expiry(
    context: PipelineContext, symbol: str, first: date, closed_before_ms: int
) -> Window | None:
    """Let a symbol's expired days from `first` on be fetched and loaded again.

    Records their minutes as gaps, so that those which no backfill loads are fetched too. Returns
    the window of these days, None if none of them has expired. After a kill the next call
    continues. Raises UnknownSymbol, WarehouseError.
    """
    lifted = context.warehouse.facts.lift_expiry(symbol, day_start_ms(first))
    if lifted is None:
        return None
    record_gaps(context, symbol, lifted, closed_before_ms)
    return lifted
