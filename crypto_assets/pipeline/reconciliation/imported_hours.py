"""Quarantines imported minutes of hours that the exchange does not have."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import Window, cover_windows, merge_windows
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import classify_gaps, record_gaps
from crypto_assets.pipeline.reconciliation.compare_with_exchange import ExchangePeriod


def list_imported_hours(
    context: PipelineContext, symbol: str, periods: Iterable[ExchangePeriod]
) -> list[Window]:
    """Return the periods, 1h or 1d, that the exchange lacks and that contain imported minutes.

    Returns an empty list if the exchange serves no candle of the symbol at all, since that proves
    nothing about an hour. Raises ExchangeError, WarehouseError.
    """
    absent = [period.window for period in periods if period.exchange_candle is None]
    if not absent:
        return []
    times = context.warehouse.facts.list_times_of_source(
        symbol, cover_windows(absent), Source.IMPORT
    )
    imported = [
        window
        for window in absent
        if bisect_left(times, window.start_ms) < bisect_left(times, window.end_ms)
    ]
    return imported if imported and _is_served(context, symbol) else []


def drop_imported_hours(
    context: PipelineContext, symbol: str, hours: Sequence[Window], closed_before_ms: int
) -> None:
    """Quarantine the imported minutes of hours; update hours, days and the gap ledger.

    Raises ExchangeError, LakeError, WarehouseError.
    """
    for span in merge_windows(hours):
        reason = f"the exchange has no hour in {span}"
        context.warehouse.facts.quarantine_imports(symbol, span, reason)
        context.warehouse.aggregates.recompute_hours(symbol, span, closed_before_ms)
        context.warehouse.aggregates.recompute_days(symbol, span, closed_before_ms)
        record_gaps(context, symbol, span, closed_before_ms)
        classify_gaps(context, symbol, span, closed_before_ms)


def _is_served(context: PipelineContext, symbol: str) -> bool:
    """Return whether the exchange serves any minute of the symbol."""
    ever = Window(0, context.exchange_now())
    pages = context.exchange.rest.fetch_kline_pages(symbol, Interval.M1, ever)
    return next(pages, None) is not None
