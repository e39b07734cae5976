"""Ranges on offer, and which candles draw one with no more of them than a browser bears."""

from dataclasses import dataclass
from enum import StrEnum

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, Window

# Plotly's candlesticks turn slow at some thousands; three months of hours still pass.
MAX_CANDLES = 2_200
# What is read on each side of a zoomed view, so that dragging it a little shows no void.
_FEWEST_BESIDE = 100


class Range(StrEnum):
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


_WIDTHS = {
    Range.HOURS_6: 6 * HOUR_MS,
    Range.DAY: DAY_MS,
    Range.DAYS_3: 3 * DAY_MS,
    Range.WEEK: 7 * DAY_MS,
    Range.MONTH: 30 * DAY_MS,
    Range.QUARTER: 90 * DAY_MS,
    Range.YEAR: 365 * DAY_MS,
    Range.YEARS_5: 5 * 365 * DAY_MS,
}


@dataclass(frozen=True)
class Extract:
    """What is read: at most `limit` candles of an interval, the newest, or those of a window.

    `window` is None for the newest; its ends lie on the interval's grid.
    """

    interval: Interval
    limit: int
    window: Window | None = None


def width_ms(reach: Range, held: Window) -> int:
    """Of a preset, or of all that is held."""
    return _WIDTHS.get(reach, held.end_ms - held.start_ms)


def newest(interval: Interval, reach: Range, held: Window) -> Extract:
    """A range that reaches before the first candle held is as fine as those that exist allow."""
    width, all_of_them = width_ms(reach, held), held.end_ms - held.start_ms
    if width >= all_of_them:
        return Extract(drawable(interval, all_of_them), MAX_CANDLES)
    drawn = drawable(interval, width)
    return Extract(drawn, candles(drawn, width))


def between(interval: Interval, window: Window) -> Extract:
    drawn = drawable(interval, window.end_ms - window.start_ms)
    return _extract(drawn, window)


def zoomed(interval: Interval, view: Window) -> Extract:
    """What is seen and, as far as the number of candles allows, as much on each side of it."""
    width = view.end_ms - view.start_ms
    drawn = drawable(interval, width)
    spare = max(0, MAX_CANDLES * drawn.ms - width) // 2
    beside = min(spare, max(width, _FEWEST_BESIDE * drawn.ms))
    return _extract(drawn, Window(max(0, view.start_ms - beside), view.end_ms + beside))


def drawable(interval: Interval, width: int) -> Interval:
    """The interval itself, or the next coarser one whose candles over a width are few enough."""
    enough = (one for one in Interval if one.ms >= interval.ms)
    return next((one for one in enough if candles(one, width) <= MAX_CANDLES), Interval.W1)


def candles(interval: Interval, width: int) -> int:
    """How many candles of an interval fill a width in ms, one at least."""
    return max(1, width // interval.ms)


def _extract(interval: Interval, window: Window) -> Extract:
    start, end = interval.floor(window.start_ms), interval.floor(window.end_ms - 1) + interval.ms
    return Extract(interval, (end - start) // interval.ms, Window(start, end))
