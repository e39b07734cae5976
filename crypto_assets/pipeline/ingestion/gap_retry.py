"""Retries open gaps, each time after a longer delay."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from crypto_assets.errors import CryptoAssetsError, TransientError
from crypto_assets.market.utc_time import Window, day_of
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.gaps.resolve_gaps import postpone_retry
from crypto_assets.pipeline.ingestion.month_results import get_partition_window
from crypto_assets.pipeline.ingestion.symbol_pipeline import ResolvedGaps, SymbolPipeline
from crypto_assets.pipeline.stages.results import DayOutcome, ErrorsByDay
from crypto_assets.pipeline.stages.store_raw import StoredDay
from crypto_assets.warehouse import Gap


def list_due_gaps(context: PipelineContext) -> list[Gap]:
    """Unexplained gaps of tracked symbols whose next retry is due."""
    return context.warehouse.gap_ledger.list_due_gaps(context.exchange_now())


def retry_gaps(pipeline: SymbolPipeline) -> Iterator[list[DayOutcome]]:
    """Resolve the due gaps of the pipeline's window; yields the outcomes of their days once.

    Several gaps may lie in one partition, which fails if one of them does. While the exchange is
    unavailable, no further gap is tried. A day has a raw outcome if REST filled a gap of it. A
    pipeline that cannot resolve gaps tries none: the outcomes describe what is stored.
    """
    due = [
        (gap, window)
        for gap in list_due_gaps(pipeline.context)
        if gap.symbol == pipeline.symbol and (window := gap.window & pipeline.window)
    ]
    filled: dict[date, StoredDay] = {}
    loaded: Counter[date] = Counter()
    errors: ErrorsByDay = {}
    unavailable: TransientError | None = None
    for gap, window in due:
        if unavailable:
            errors = dict.fromkeys(window.iter_days(), unavailable) | errors
            continue
        resolved = _retry_gap(pipeline, gap, window)
        filled |= resolved.stored
        loaded += resolved.rows
        errors = resolved.errors | errors
        unavailable = _find_transient_error(resolved.errors)
    days = sorted({day for _, window in due for day in window.iter_days()})
    clear = [day for day in days if day not in errors]
    unit = pipeline.context.partition_unit
    failed_partitions = {get_partition_window(unit, day) for day in errors}
    raw = [
        pipeline.build_lake_outcome(filled[day])
        for day in clear
        if day in filled and get_partition_window(unit, day) not in failed_partitions
    ]
    later = pipeline.build_outcomes(clear, clear, loaded)
    yield raw + pipeline.build_failed_outcomes(errors) + later


def get_gap_days(gap: Gap) -> tuple[date, date]:
    """First and last UTC day that a gap touches."""
    return day_of(gap.start), day_of(gap.end)


def _retry_gap(pipeline: SymbolPipeline, gap: Gap, window: Window) -> ResolvedGaps:
    """Resolve one gap within a window.

    The attempt is counted first: if the run is killed, the gap must not be retried at once. A
    pipeline that cannot resolve gaps makes no attempt.
    """
    if not pipeline.can_resolve_gaps:
        return ResolvedGaps()
    try:
        postpone_retry(pipeline.context.warehouse, gap, pipeline.context.exchange_now())
        return pipeline.resolve_gaps(window)
    except CryptoAssetsError as error:
        return ResolvedGaps(errors=dict.fromkeys(window.iter_days(), error))


def _find_transient_error(errors: ErrorsByDay) -> TransientError | None:
    return next((error for error in errors.values() if isinstance(error, TransientError)), None)
