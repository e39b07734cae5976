"""The ranges of a chart, and the candles that draw them, limited for the browser.

A range sets the first view only. The interval is always the one that the viewer chose; scrolling
loads the candles beside the view.
"""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

# Statistics are computed from no more candles. Three months of hours are 2,160.
MAX_STATISTICS_CANDLES = 2_200
# The first view of a range has no more candles; the viewer scrolls and zooms beyond.
MAX_VIEW_CANDLES = 20_000
# A range of fewer candles than `_FEW_CANDLES` shows `_ENOUGH_CANDLES`, such as 6 hours of weeks.
_FEW_CANDLES, _ENOUGH_CANDLES = 6, 24
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


def get_range_window(
    interval: Interval, chart_range: ChartRange, stored_window: Window, dates: Window | None = None
) -> Window:
    """Return the first view of a range in whole periods: up to the newest candle, or the dates.

    Too few candles are shown with those beside them, and of too many the newest.
    """
    first, last = interval.floor(stored_window.start_ms), interval.ceil(stored_window.end_ms)
    if dates is not None:
        start, end = interval.floor(dates.start_ms), interval.ceil(dates.end_ms)
        missing = count_candles_shown(interval, end - start) - (end - start) // interval.ms
        newest = max(end, last)
        end = min(end + missing // 2 * interval.ms, newest)
        start = max(0, start - (missing - missing // 2) * interval.ms)
    else:
        width = get_range_width_ms(chart_range, stored_window)
        is_all = width >= stored_window.end_ms - stored_window.start_ms
        count = count_candles_shown(interval, width)
        start, end = first if is_all else max(first, last - count * interval.ms), last
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
    return _build_slice(interval, Window(start, end), MAX_READ_CANDLES)


def build_requested_slice(
    interval: Interval, load: Window, stored_window: Window
) -> CandleSlice | None:
    """Return the candles that the chart asks for, None if none of them is stored."""
    first, last = interval.floor(stored_window.start_ms), interval.ceil(stored_window.end_ms)
    start, end = max(interval.floor(load.start_ms), first), min(interval.ceil(load.end_ms), last)
    return _build_slice(interval, Window(start, end), MAX_READ_CANDLES) if start < end else None


def build_statistics_slice(
    interval: Interval, chart_range: ChartRange, dates: Window | None, stored_window: Window
) -> CandleSlice:
    """Return the slice of a whole range, in the next coarser interval that the limit allows."""
    if dates is not None:
        drawn = choose_statistics_interval(interval, dates.end_ms - dates.start_ms)
        return _build_slice(drawn, dates, MAX_STATISTICS_CANDLES)
    width = get_range_width_ms(chart_range, stored_window)
    stored_width = stored_window.end_ms - stored_window.start_ms
    drawn = choose_statistics_interval(interval, min(width, stored_width))
    if width >= stored_width:
        return CandleSlice(drawn, MAX_STATISTICS_CANDLES)
    return CandleSlice(drawn, min(MAX_STATISTICS_CANDLES, count_candles_shown(drawn, width)))


def build_export_slice(
    interval: Interval,
    chart_range: ChartRange,
    dates: Window | None,
    stored_window: Window,
    limit: int,
) -> CandleSlice:
    """Return the slice of a whole range in its interval: its newest candles, at most `limit`."""
    end = stored_window.end_ms if dates is None else dates.end_ms
    start = (
        end - get_range_width_ms(chart_range, stored_window) if dates is None else dates.start_ms
    )
    return _build_slice(interval, Window(max(0, start), end), limit)


def build_window_slice(
    interval: Interval, window: Window, stored_window: Window, limit: int
) -> CandleSlice:
    """Return the slice of a window: its newest stored candles, at most `limit`."""
    newest = max(interval.ceil(stored_window.end_ms), window.start_ms + 1)
    return _build_slice(interval, Window(window.start_ms, min(window.end_ms, newest)), limit)


def choose_statistics_interval(interval: Interval, width: int) -> Interval:
    """Return the interval, or the next coarser one with few enough candles over a width."""
    candidates = (candidate for candidate in Interval if candidate.ms >= interval.ms)
    return next(
        (candidate for candidate in candidates if width // candidate.ms <= MAX_STATISTICS_CANDLES),
        Interval.W1,
    )


def count_candles_shown(interval: Interval, width: int) -> int:
    """Return how many candles of an interval a range of a width in ms shows.

    They are those that fill it, or more if these are too few to see how the price moves.
    """
    count = width // interval.ms
    return count if count >= _FEW_CANDLES else _ENOUGH_CANDLES


def _build_slice(interval: Interval, window: Window, limit: int) -> CandleSlice:
    """Return the slice of the candles in a window, of the newest ones if the limit requires it."""
    end = interval.floor(window.end_ms - 1) + interval.ms
    start = max(interval.floor(window.start_ms), end - limit * interval.ms)
    return CandleSlice(interval, (end - start) // interval.ms, Window(start, end))
