"""The ranges of a chart, and the candles that draw them, limited for the browser."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

# Statistics are computed from no more candles. Three months of hours are 2,160.
MAX_DRAWN_CANDLES = 2_200
# The first view of a range has no more and no fewer; the viewer scrolls and zooms beyond.
MAX_VIEW_CANDLES = 20_000
_MIN_VIEW_CANDLES = 20
# Read at once. The chart asks for the others of a wider view.
MAX_READ_CANDLES = 5_000
# Read on each side of a view, so that a short drag shows candles.
_MIN_MARGIN_CANDLES = 300


class ChartRange(StrEnum):
    """The range of a chart up to the newest candle, or chosen dates."""

    HOURS_6 = "6h"
    DAY = "1d"
    DAYS_3 = "3d"
    WEEK = "1w"
    MONTH = "1M"
    QUARTER = "3M"
    YEAR = "1y"
    YEARS_5 = "5y"
    ALL = "All"
    DATES = "Dates"


_RANGE_WIDTHS_MS = {
    ChartRange.HOURS_6: 6 * HOUR_MS,
    ChartRange.DAY: DAY_MS,
    ChartRange.DAYS_3: 3 * DAY_MS,
    ChartRange.WEEK: 7 * DAY_MS,
    ChartRange.MONTH: 30 * DAY_MS,
    ChartRange.QUARTER: 90 * DAY_MS,
    ChartRange.YEAR: 365 * DAY_MS,
    ChartRange.YEARS_5: 5 * 365 * DAY_MS,
}


@dataclass(frozen=True)
class CandleSlice:
    """The candles to read: at most `limit` of an interval, in `window` or the newest.

    `window` is aligned to the interval; None means the newest candles.
    """

    interval: Interval
    limit: int
    window: Window | None = None


def get_range_width_ms(chart_range: ChartRange, stored_window: Window) -> int:
    """Return the width of a range in ms, of all stored candles for `ALL` and `DATES`."""
    return _RANGE_WIDTHS_MS.get(chart_range, stored_window.end_ms - stored_window.start_ms)


def build_newest_slice(
    interval: Interval, chart_range: ChartRange, stored_window: Window
) -> CandleSlice:
    """Return the slice of a range up to the newest candle.

    If the range begins before the first stored candle, the stored ones decide the interval.
    """
    width = get_range_width_ms(chart_range, stored_window)
    stored_width = stored_window.end_ms - stored_window.start_ms
    if width >= stored_width:
        return CandleSlice(choose_drawable_interval(interval, stored_width), MAX_DRAWN_CANDLES)
    drawn = choose_drawable_interval(interval, width)
    return CandleSlice(drawn, count_candles_in_width(drawn, width))


def build_window_slice(interval: Interval, window: Window) -> CandleSlice:
    """Return the slice of a window, whatever number of candles it has."""
    return _build_slice(interval, window)


def build_statistics_slice(interval: Interval, window: Window) -> CandleSlice:
    """Return the slice of a window, of a coarser interval if it has too many candles."""
    drawn = choose_drawable_interval(interval, window.end_ms - window.start_ms)
    return _build_slice(drawn, window)


def get_range_window(
    interval: Interval, chart_range: ChartRange, stored_window: Window, dates: Window | None = None
) -> Window:
    """Return the first view of a range in whole periods: up to the newest candle, or the dates."""
    if dates is not None:
        start, end = interval.floor(dates.start_ms), interval.ceil(dates.end_ms)
    else:
        end = interval.ceil(stored_window.end_ms)
        width, first = get_range_width_ms(chart_range, stored_window), stored_window.start_ms
        count = max(count_candles_in_width(interval, width), _MIN_VIEW_CANDLES)
        is_all = width >= stored_window.end_ms - first
        start = interval.floor(first)
        start = start if is_all else max(start, end - count * interval.ms)
    return Window(max(start, end - MAX_VIEW_CANDLES * interval.ms), end)


def build_view_slice(interval: Interval, view: Window, stored_window: Window) -> CandleSlice:
    """Return the candles to read for a view, with up to its width on each side.

    Of a view that is too wide it has the newest candles, and of one that lies beside all stored
    candles the nearest ones.
    """
    count = (view.end_ms - view.start_ms) // interval.ms
    margin = max(count, _MIN_MARGIN_CANDLES) * interval.ms
    first, last = interval.floor(stored_window.start_ms), interval.ceil(stored_window.end_ms)
    nearest = _MIN_MARGIN_CANDLES * interval.ms
    end = max(min(interval.ceil(view.end_ms) + margin, last), min(first + nearest, last))
    start = min(max(interval.floor(view.start_ms) - margin, first), max(end - nearest, first))
    return _build_slice(interval, Window(max(start, end - MAX_READ_CANDLES * interval.ms), end))


def build_requested_slice(
    interval: Interval, load: Window, stored_window: Window
) -> CandleSlice | None:
    """Return the candles that the chart asks for, None if none of them is stored."""
    first, last = interval.floor(stored_window.start_ms), interval.ceil(stored_window.end_ms)
    start, end = max(interval.floor(load.start_ms), first), min(interval.ceil(load.end_ms), last)
    if start >= end:
        return None
    return _build_slice(interval, Window(max(start, end - MAX_READ_CANDLES * interval.ms), end))


def choose_drawable_interval(interval: Interval, width: int) -> Interval:
    """Return the interval, or the next coarser one with few enough candles over a width."""
    candidates = (candidate for candidate in Interval if candidate.ms >= interval.ms)
    return next(
        (
            candidate
            for candidate in candidates
            if count_candles_in_width(candidate, width) <= MAX_DRAWN_CANDLES
        ),
        Interval.W1,
    )


def count_candles_in_width(interval: Interval, width: int) -> int:
    """Return how many candles of an interval fill a width in ms, at least one."""
    return max(1, width // interval.ms)


def _build_slice(interval: Interval, window: Window) -> CandleSlice:
    start, end = interval.floor(window.start_ms), interval.floor(window.end_ms - 1) + interval.ms
    return CandleSlice(interval, (end - start) // interval.ms, Window(start, end))
