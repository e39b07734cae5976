"""Makes expired days available again."""

from datetime import date

from crypto_assets.market.utc_time import Window, cover_windows, day_start_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import record_gaps

# The days that are no longer expired, until their gaps are recorded: [start, end] in epoch ms.
_LIFTED = "state.lifted_expiry"


def lift_expiry(
    context: PipelineContext, symbol: str, first: date, closed_before_ms: int
) -> Window | None:
    """Let a symbol's expired days from `first` on be fetched and loaded again.

    Records their minutes as gaps, so that those which no backfill loads are fetched too. Returns
    the window of these days, None if none of them has expired. After a kill the next call
    continues. Raises UnknownSymbol, WarehouseError.
    """
    settings, name = context.warehouse.app_settings, f"{_LIFTED}.{symbol}"
    start = day_start_ms(first)
    unfinished = settings.get_state(name)
    windows = [Window(*unfinished)] if unfinished else []
    expired_before = context.warehouse.watermarks.get_watermark(symbol).purged_before or 0
    if start < expired_before:
        windows.append(Window(start, expired_before))
    if not windows:
        return None
    lifted = cover_windows(windows)
    # Before the change: afterwards nothing else shows which days it concerned.
    settings.put_state(name, [lifted.start_ms, lifted.end_ms])
    context.warehouse.facts.lift_expiry(symbol, lifted.start_ms)
    record_gaps(context, symbol, lifted, closed_before_ms)
    settings.put_state(name, None)
    return lifted
