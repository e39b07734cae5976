"""Is the warehouse at one with itself and with the lake: minutes, hours, days, gap ledger."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.candles import CANDLE_COLUMNS, CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets.market.rollup import roll_up
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.reconciliation.diff import CandleComparer, ComparisonBasis, Difference
from crypto_assets.pipeline.stages.lake_reader import LakeMinutes
from crypto_assets.warehouse.klines.conflict_resolution import takes_precedence

VALUE_COLUMNS = tuple(name for name in CANDLE_COLUMNS if name != "open_time")
# A period's close time is left out: the exchange cuts it short where an outage ends a period.
PERIOD_VALUE_COLUMNS = tuple(name for name in VALUE_COLUMNS if name != "close_time")
_COUNTED_COLUMNS = (*PERIOD_VALUE_COLUMNS, "minute_count")


def exclude_purged(platform: PipelineContext, symbol: str, window: Window) -> Window:
    """The part of a window whose minutes have not been retired."""
    purged = platform.warehouse.watermarks.get_watermark(symbol).purged_before
    return window & Window(purged or 0, max(window.end_ms, purged or 0))


def compare_hours_with_minutes(
    platform: PipelineContext, yardstick: CandleComparer, minutes: pa.Table, window: Window
) -> list[Difference]:
    """Stored hours that are not what the minutes of the window give; whole hours only."""
    hours = platform.warehouse.aggregates.read_candles(yardstick.symbol, Interval.H1, window)
    given = _label_minute_count(roll_up(minutes, Interval.H1))
    return yardstick.find_differences(
        Interval.H1, hours, given, _COUNTED_COLUMNS, ComparisonBasis.MINUTES
    )


def compare_days_with_hours(
    platform: PipelineContext, yardstick: CandleComparer, window: Window
) -> list[Difference]:
    """Stored days that are not what the stored hours of the window give; whole days only."""
    aggregates = platform.warehouse.aggregates
    hours = aggregates.read_candles(yardstick.symbol, Interval.H1, window)
    days = aggregates.read_candles(yardstick.symbol, Interval.D1, window)
    given = roll_up(hours, Interval.D1).drop_columns("parts")
    counts = _count_minutes_by_day(hours)
    column = pa.array([counts[at] for at in given["open_time"].to_pylist()], pa.int64())
    given = given.append_column("minute_count", column)
    return yardstick.find_differences(
        Interval.D1, days, given, _COUNTED_COLUMNS, ComparisonBasis.HOURS
    )


def compare_minutes_with_lake(
    yardstick: CandleComparer, minutes: pa.Table, lake: LakeMinutes, window: Window
) -> list[Difference]:
    """Minutes of the window that are not the lake's, where the lake still knows of them.

    Both as FETCHED_SCHEMA. A stored minute that counts over the lake's version is left out: the
    object that brought it has expired or is lost, and a rebuild keeps it.
    """
    ours = filter_to_window(
        minutes.filter(_mask_known_times(minutes["open_time"], lake.spans)), window
    )
    theirs = filter_to_window(lake.candles, window)
    kept = _find_winning_minutes(ours, theirs)
    ours, theirs = (
        table.filter(pc.invert(pc.is_in(table["open_time"], kept))) for table in (ours, theirs)
    )
    return yardstick.find_differences(
        Interval.M1, ours, theirs, VALUE_COLUMNS, ComparisonBasis.LAKE
    )


def find_filled_gaps(
    platform: PipelineContext, symbol: str, minutes: pa.Table, window: Window
) -> Iterator[Difference]:
    """Hours with candles where the gap ledger says that there are none."""
    opens = minutes["open_time"].to_numpy()
    for gap in platform.warehouse.gap_ledger.list_gaps(symbol, window):
        first, last = np.searchsorted(opens, (gap.start, gap.end + MINUTE_MS))
        hours = Counter((opens[first:last] // HOUR_MS * HOUR_MS).tolist())
        for hour, count in sorted(hours.items()):
            yield Difference(
                symbol, Interval.H1, hour, "in a gap", count, 0, ComparisonBasis.LEDGER
            )


def find_refused_imports(
    platform: PipelineContext, symbol: str, lake: LakeMinutes, window: Window
) -> Iterator[Difference]:
    """Hours with imported minutes that do not exist, where no object of the lake says so.

    By what the warehouse knows of its archive files, verified hours and gaps, closed ones too: an
    import may have closed them.
    """
    facts = platform.warehouse.facts
    imported = np.array(facts.list_imported_times(symbol, window), np.int64)
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
    """Open times of the minutes of which the stored version counts over the lake's."""
    place = pc.index_in(ours["open_time"], theirs["open_time"].combine_chunks())
    mine, others = ours.filter(pc.is_valid(place)), theirs.take(place.drop_null())
    outranked = pc.invert(takes_precedence(others, mine))
    return mine["open_time"].filter(outranked).combine_chunks()


def filter_to_window(candles: pa.Table, window: Window) -> pa.Table:
    """The candles that open in a window."""
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
    """Which open times lie in one of the stretches (ascending, apart)."""
    times = opens.to_numpy()
    starts = np.array([span.start_ms for span in spans], np.int64)
    ends = np.array([span.end_ms for span in spans], np.int64)
    place = np.searchsorted(starts, times, "right") - 1
    return pa.array((place >= 0) & (times < ends[np.maximum(place, 0)] if len(ends) else False))
