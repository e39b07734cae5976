"""The ranges of a chart, and the candles that draw them, limited for the browser.

A range sets the first view only. The interval is always the one that the viewer chose: a range with
more candles than the limit shows its newest ones, and scrolling to the left loads those before.
"""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

# Plotly draws more candles slowly. Three months of hours are 2,160.
MAX_DRAWN_CANDLES = 2_200
# Read on each side of a view, so that a short drag shows candles.
_MIN_MARGIN_CANDLES = 100
# A range of fewer candles than `_FEW_CANDLES` shows `_ENOUGH_CANDLES`, such as 6 hours of weeks.
_FEW_CANDLES, _ENOUGH_CANDLES = 6, 24


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
    """Return the slice of a range up to the newest candle."""
    return _build_newest_slice(
        interval, get_range_width_ms(chart_range, stored_window), stored_window
    )


def build_statistics_slice(
    interval: Interval, chart_range: ChartRange, dates: Window | None, stored_window: Window
) -> CandleSlice:
    """Return the slice of a whole range, in the next coarser interval that the limit allows."""
    if dates is not None:
        return _build_slice(
            choose_drawable_interval(interval, dates.end_ms - dates.start_ms), dates
        )
    width = get_range_width_ms(chart_range, stored_window)
    stored_width = stored_window.end_ms - stored_window.start_ms
    drawn = choose_drawable_interval(interval, min(width, stored_width))
    return _build_newest_slice(drawn, width, stored_window)


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


def build_window_slice(interval: Interval, window: Window) -> CandleSlice:
    """Return the slice of a window: its newest candles, if it has more than the limit.

    A window of few candles is widened to both sides.
    """
    width = window.end_ms - window.start_ms
    spare_width = count_candles_shown(interval, width) * interval.ms - width
    margin = max(0, spare_width // 2)
    return _build_slice(interval, Window(max(0, window.start_ms - margin), window.end_ms + margin))


def build_zoomed_slice(interval: Interval, view: Window, stored_window: Window) -> CandleSlice:
    """Return the slice of a view, with up to its width on each side as the limit allows.

    Of a view that extends beyond the newest stored candle, the limit counts from that candle.
    """
    width = view.end_ms - view.start_ms
    spare_width = max(0, MAX_DRAWN_CANDLES * interval.ms - width) // 2
    margin = min(spare_width, max(width, _MIN_MARGIN_CANDLES * interval.ms))
    newest = max(stored_window.end_ms, view.start_ms + interval.ms)
    end = min(view.end_ms + margin, newest)
    return _build_slice(interval, Window(max(0, view.start_ms - margin), end))


def choose_drawable_interval(interval: Interval, width: int) -> Interval:
    """Return the interval, or the next coarser one with few enough candles over a width."""
    candidates = (candidate for candidate in Interval if candidate.ms >= interval.ms)
    return next(
        (candidate for candidate in candidates if width // candidate.ms <= MAX_DRAWN_CANDLES),
        Interval.W1,
    )


def count_candles_shown(interval: Interval, width: int) -> int:
    """Return how many candles of an interval a range of a width in ms shows.

    They are those that fill it, or more if these are too few to see how the price moves.
    """
    count = width // interval.ms
    return count if count >= _FEW_CANDLES else _ENOUGH_CANDLES


def _build_newest_slice(interval: Interval, width: int, stored_window: Window) -> CandleSlice:
    """Return the newest candles over a width in ms, or all if fewer are stored."""
    if width >= stored_window.end_ms - stored_window.start_ms:
        return CandleSlice(interval, MAX_DRAWN_CANDLES)
    return CandleSlice(interval, min(MAX_DRAWN_CANDLES, count_candles_shown(interval, width)))


def _build_slice(interval: Interval, window: Window, limit: int = MAX_DRAWN_CANDLES) -> CandleSlice:
    """Return the slice of the candles in a window, of the newest ones if the limit requires it."""
    end = interval.floor(window.end_ms - 1) + interval.ms
    start = max(interval.floor(window.start_ms), end - limit * interval.ms)
    return CandleSlice(interval, (end - start) // interval.ms, Window(start, end))
