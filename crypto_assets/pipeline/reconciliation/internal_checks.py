"""Checks that minutes, hours, days, gap ledger and lake are consistent with each other."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_SCHEMA, VALUE_COLUMNS
from crypto_assets.market.intervals import Interval
from crypto_assets.market.lake_object import Source
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window, floor_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.candle_comparer import (
    CandleComparer,
    ComparisonBasis,
    Difference,
)
from crypto_assets.pipeline.stages.lake_reader import LakeMinutes
from crypto_assets.warehouse.klines.conflict_resolution import takes_precedence

# Without a period's close time, which the exchange cuts short where an outage ends the period.
PERIOD_VALUE_COLUMNS = tuple(name for name in VALUE_COLUMNS if name != "close_time")
_COUNTED_COLUMNS = (*PERIOD_VALUE_COLUMNS, "minute_count")


def exclude_purged(context: PipelineContext, symbol: str, window: Window) -> Window:
    """Return the part of a window whose minutes have not expired."""
    purged = context.warehouse.watermarks.get_watermark(symbol).purged_before
    _, unpurged = window.split_at(purged or 0)
    return unpurged


def compare_hours_with_minutes(
    context: PipelineContext, comparer: CandleComparer, minutes: pa.Table, window: Window
) -> list[Difference]:
    """Compare the stored hours of a window (whole hours) with those that its minutes give."""
    hours = context.warehouse.aggregates.read_candles(comparer.symbol, Interval.H1, window)
    expected = _label_minute_count(roll_up(minutes, Interval.H1))
    return comparer.find_differences(
        Interval.H1, hours, expected, _COUNTED_COLUMNS, ComparisonBasis.MINUTES
    )


def compare_days_with_hours(
    context: PipelineContext, comparer: CandleComparer, window: Window
) -> list[Difference]:
    """Compare the stored days of a window (whole days) with those that its stored hours give."""
    aggregates = context.warehouse.aggregates
    hours = aggregates.read_candles(comparer.symbol, Interval.H1, window)
    days = aggregates.read_candles(comparer.symbol, Interval.D1, window)
    expected = roll_up(hours, Interval.D1).drop_columns("parts")
    counts = _count_minutes_by_day(hours)
    column = pa.array([counts[at] for at in expected["open_time"].to_pylist()], pa.int64())
    expected = expected.append_column("minute_count", column)
    return comparer.find_differences(
        Interval.D1, days, expected, _COUNTED_COLUMNS, ComparisonBasis.HOURS
    )


def compare_minutes_with_lake(
    comparer: CandleComparer, minutes: pa.Table, lake: LakeMinutes, window: Window
) -> list[Difference]:
    """Compare the minutes of a window with the lake's, as far as the lake's objects cover it.

    `minutes` are in FETCHED_SCHEMA. A stored minute that takes precedence over the lake's version
    is left out: the object that it came from has expired or is lost, and a rebuild keeps it.
    """
    ours = filter_to_window(
        minutes.filter(_mask_known_times(minutes["open_time"], lake.spans)), window
    )
    theirs = filter_to_window(lake.candles, window)
    kept = _find_winning_minutes(ours, theirs)
    ours, theirs = (
        table.filter(pc.invert(pc.is_in(table["open_time"], kept))) for table in (ours, theirs)
    )
    return comparer.find_differences(Interval.M1, ours, theirs, VALUE_COLUMNS, ComparisonBasis.LAKE)


def find_filled_gaps(
    context: PipelineContext, symbol: str, minutes: pa.Table, window: Window
) -> Iterator[Difference]:
    """Yield the hours that contain minutes where the gap ledger has a gap."""
    opens = minutes["open_time"].to_numpy()
    for gap in context.warehouse.gap_ledger.list_gaps(symbol, window):
        first, last = np.searchsorted(opens, (gap.window.start_ms, gap.window.end_ms))
        hours = Counter((opens[first:last] // HOUR_MS * HOUR_MS).tolist())
        for hour, count in sorted(hours.items()):
            yield Difference(
                symbol, Interval.H1, hour, "in a gap", count, 0, ComparisonBasis.LEDGER
            )


def find_refused_imports(
    context: PipelineContext, symbol: str, lake: LakeMinutes, window: Window
) -> Iterator[Difference]:
    """Yield the hours with imported minutes that the exchange never had, outside the lake's spans.

    The warehouse's archive files, verified hours and gaps show which minutes do not exist. Closed
    gaps count too: an import may have closed them.
    """
    facts = context.warehouse.facts
    imported = np.array(facts.list_times_of_source(symbol, window, Source.IMPORT), np.int64)
    if not len(imported):
        return
    known = _mask_known_times(pa.chunked_array([imported]), lake.spans).to_numpy(
        zero_copy_only=False
    )
    refused = np.zeros(len(imported), bool)
    for absence in facts.list_nonexistent_windows(symbol, window):
        span = absence.window
        refused |= (imported >= span.start_ms) & (imported < span.end_ms)
    hours = Counter((imported[refused & ~known] // HOUR_MS * HOUR_MS).tolist())
    for hour, count in sorted(hours.items()):
        yield Difference(symbol, Interval.H1, hour, "imported", count, 0, ComparisonBasis.ABSENCE)


def _find_winning_minutes(ours: pa.Table, theirs: pa.Table) -> pa.Array:
    """Return the open times of the minutes whose stored version takes precedence."""
    place = pc.index_in(ours["open_time"], theirs["open_time"].combine_chunks())
    stored, others = ours.filter(pc.is_valid(place)), theirs.take(place.drop_null())
    outranked = pc.invert(takes_precedence(others, stored))
    return stored["open_time"].filter(outranked).combine_chunks()


def filter_to_window(candles: pa.Table, window: Window) -> pa.Table:
    """Return the candles that open in a window."""
    opens = candles["open_time"]
    inside = pc.and_(pc.greater_equal(opens, window.start_ms), pc.less(opens, window.end_ms))
    return candles.filter(inside)


def _label_minute_count(rolled: pa.Table) -> pa.Table:
    return rolled.rename_columns([*CANDLE_SCHEMA.names, "minute_count"])


def _count_minutes_by_day(hours: pa.Table) -> Counter[int]:
    counts: Counter[int] = Counter()
    pairs = zip(hours["open_time"].to_pylist(), hours["minute_count"].to_pylist(), strict=True)
    for at, count in pairs:
        counts[floor_ms(at, DAY_MS)] += count
    return counts


def _mask_known_times(opens: pa.ChunkedArray, spans: tuple[Window, ...]) -> pa.Array:
    """Return a mask of the open times that lie in one of the spans (ascending, disjoint)."""
    times = opens.to_numpy()
    starts = np.array([span.start_ms for span in spans], np.int64)
    ends = np.array([span.end_ms for span in spans], np.int64)
    place = np.searchsorted(starts, times, "right") - 1
    return pa.array((place >= 0) & (times < ends[np.maximum(place, 0)] if len(ends) else False))
