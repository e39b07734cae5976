"""Ranges on offer, and which candles draw one with no more of them than a browser bears."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

# Plotly's candlesticks turn slow at some thousands; three months of hours still pass.
MAX_DRAWN_CANDLES = 2_200
# What is read on each side of a zoomed view, so that dragging it a little shows no void.
_MIN_MARGIN_CANDLES = 100


class ChartRange(StrEnum):
    """How far back from the newest candle a chart reaches; `DATES` are picked."""

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
    """What is read: at most `limit` candles of an interval, the newest, or those of a window.

    `window` is None for the newest; its ends lie on the interval's grid.
    """

    interval: Interval
    limit: int
    window: Window | None = None


def get_range_width_ms(reach: ChartRange, held: Window) -> int:
    """Of a preset, or of all that is held."""
    return _RANGE_WIDTHS_MS.get(reach, held.end_ms - held.start_ms)


def build_newest_slice(interval: Interval, reach: ChartRange, held: Window) -> CandleSlice:
    """A range that reaches before the first candle held is as fine as those that exist allow."""
    width, all_of_them = get_range_width_ms(reach, held), held.end_ms - held.start_ms
    if width >= all_of_them:
        return CandleSlice(choose_drawable_interval(interval, all_of_them), MAX_DRAWN_CANDLES)
    drawn = choose_drawable_interval(interval, width)
    return CandleSlice(drawn, count_candles_in_width(drawn, width))


def build_window_slice(interval: Interval, window: Window) -> CandleSlice:
    drawn = choose_drawable_interval(interval, window.end_ms - window.start_ms)
    return _build_slice(drawn, window)


def build_zoomed_slice(interval: Interval, view: Window) -> CandleSlice:
    """What is seen and, as far as the number of candles allows, as much on each side of it."""
    width = view.end_ms - view.start_ms
    drawn = choose_drawable_interval(interval, width)
    spare = max(0, MAX_DRAWN_CANDLES * drawn.ms - width) // 2
    beside = min(spare, max(width, _MIN_MARGIN_CANDLES * drawn.ms))
    return _build_slice(drawn, Window(max(0, view.start_ms - beside), view.end_ms + beside))


def choose_drawable_interval(interval: Interval, width: int) -> Interval:
    """The interval itself, or the next coarser one whose candles over a width are few enough."""
    enough = (one for one in Interval if one.ms >= interval.ms)
    return next(
        (one for one in enough if count_candles_in_width(one, width) <= MAX_DRAWN_CANDLES),
        Interval.W1,
    )


def count_candles_in_width(interval: Interval, width: int) -> int:
    """How many candles of an interval fill a width in ms, one at least."""
    return max(1, width // interval.ms)


def _build_slice(interval: Interval, window: Window) -> CandleSlice:
    start, end = interval.floor(window.start_ms), interval.floor(window.end_ms - 1) + interval.ms
    return CandleSlice(interval, (end - start) // interval.ms, Window(start, end))
