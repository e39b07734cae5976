"""Anchors of running totals: the start of the UTC day, week (Monday), month or year of a candle.

A total that starts at an anchor does not depend on which candles a chart shows.
"""

from enum import StrEnum

import numpy as np
import pandas as pd

from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS

# The maximum number of candles to read before the first one shown.
MAX_CANDLES = 3000
# `auto` selects a period with at least this many candles.
MIN_CANDLES = 24


class Anchor(StrEnum):
    AUTO = "auto"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_LONGEST_DAYS = {Anchor.DAY: 1, Anchor.WEEK: 7, Anchor.MONTH: 31, Anchor.YEAR: 366}


def max_candles_since(anchor: Anchor, interval: Interval) -> int:
    """Return how many candles the longest period of an anchor contains.

    No value depends on more candles than that. Raises WrongUse above MAX_CANDLES.
    """
    anchor = resolve_anchor(anchor, interval)
    count = -(-_LONGEST_DAYS[anchor] * DAY_MS // interval.ms)
    if count > MAX_CANDLES:
        raise WrongUse(
            f"anchor: a {anchor} contains {count:,} candles of {interval}, more than"
            f" {MAX_CANDLES:,}; choose a shorter anchor or a longer interval"
        )
    return count


def resolve_anchor(anchor: Anchor, interval: Interval) -> Anchor:
    """Replace `auto` by the shortest period that contains at least MIN_CANDLES candles."""
    if anchor is not Anchor.AUTO:
        return anchor
    enough = (a for a, days in _LONGEST_DAYS.items() if days * DAY_MS >= MIN_CANDLES * interval.ms)
    return next(enough, Anchor.YEAR)


def number_periods(times: pd.Index, anchor: Anchor) -> np.ndarray:
    """Number the period of each UTC open time; open times of one period have the same number."""
    units = {Anchor.DAY: "D", Anchor.WEEK: "D", Anchor.MONTH: "M", Anchor.YEAR: "Y"}
    moments = pd.DatetimeIndex(times).tz_convert(None).to_numpy()
    starts = moments.astype(f"datetime64[{units[anchor]}]").astype(np.int64)
    # Day 0, 1970-01-01, was a Thursday; weeks start on Monday.
    return (starts + 3) // 7 if anchor is Anchor.WEEK else starts
