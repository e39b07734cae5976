"""Ranges on offer, and the interval that draws one with no more candles than a browser bears."""

from enum import StrEnum

from crypto_assets.market.clock import DAY_MS, HOUR_MS
from crypto_assets.market.intervals import Interval

# Plotly's candlesticks turn slow at some thousands; three months of hours still pass.
MAX_CANDLES = 2_200


class Range(StrEnum):
    """How far back from the newest candle a chart reaches."""

    HOURS_6 = "6h"
    DAY = "1d"
    DAYS_3 = "3d"
    WEEK = "1w"
    MONTH = "1M"
    QUARTER = "3M"
    YEAR = "1y"
    YEARS_5 = "5y"

    @property
    def ms(self) -> int:
        return _WIDTHS[self]


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


def drawable(interval: Interval, reach: Range) -> Interval:
    """The interval itself, or the next coarser one whose candles over the range are few enough."""
    return next(
        one for one in Interval if one.ms >= interval.ms and candles(one, reach) <= MAX_CANDLES
    )


def candles(interval: Interval, reach: Range) -> int:
    """How many candles of an interval fill the range, one at least."""
    return max(1, reach.ms // interval.ms)
