"""Drops imported minutes of hours that the exchange does not have."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, cover_windows, merge_windows
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import classify_gaps, record_gaps
from crypto_assets.pipeline.reconciliation.exchange_periods import ExchangePeriod


def list_imported_hours(
    platform: PipelineContext, symbol: str, periods: Iterable[ExchangePeriod]
) -> list[Window]:
    """Return those of the exchange's periods, 1h or 1d, that it lacks and an import has.

    Of a symbol of which the exchange serves no candle at all it says nothing: then none. Raises
    ExchangeError, WarehouseError.
    """
    lacking = [period.window for period in periods if period.exchange_candle is None]
    if not lacking:
        return []
    times = platform.warehouse.facts.list_imported_times(symbol, cover_windows(lacking))
    imported = [
        window
        for window in lacking
        if bisect_left(times, window.start_ms) < bisect_left(times, window.end_ms)
    ]
    return imported if imported and _is_served(platform, symbol) else []


def drop_imported_hours(
    platform: PipelineContext, symbol: str, hours: Sequence[Window], closed_before_ms: int
) -> None:
    """Quarantine the imported minutes of hours; the hours, days and the gap ledger follow.

    Raises ExchangeError, LakeError, WarehouseError.
    """
    for span in merge_windows(hours):
        reason = f"the exchange has no hour in {span}"
        platform.warehouse.facts.quarantine_imports(symbol, span, reason)
        platform.warehouse.aggregates.recompute_hours(symbol, span, closed_before_ms)
        platform.warehouse.aggregates.recompute_days(symbol, span, closed_before_ms)
        record_gaps(platform, symbol, span, closed_before_ms)
        classify_gaps(platform, symbol, span, closed_before_ms)


def _is_served(platform: PipelineContext, symbol: str) -> bool:
    ever = Window(0, platform.exchange_now())
    return (
        next(platform.exchange.rest.fetch_kline_pages(symbol, Interval.M1, ever), None) is not None
    )
