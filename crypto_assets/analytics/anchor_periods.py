"""Where a running total starts: the UTC day, Monday, month or year that its candle lies in.

A total that began with the first candle shown would change with what is shown; one that begins at a
date does not.
"""

from enum import StrEnum

import numpy as np
import pandas as pd

from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS

# So many candles are read before the first one shown, at most.
MAX_CANDLES = 3000
# A running total over fewer candles than this says little.
MIN_CANDLES = 24


class Anchor(StrEnum):
    AUTO = "auto"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_LONGEST_DAYS = {Anchor.DAY: 1, Anchor.WEEK: 7, Anchor.MONTH: 31, Anchor.YEAR: 366}


def max_candles_since(anchor: Anchor, interval: Interval) -> int:
    """How many candles the longest such period holds, and so the most that precede a value.

    Raises WrongUse where that is more than MAX_CANDLES.
    """
    anchor = resolve_anchor(anchor, interval)
    count = -(-_LONGEST_DAYS[anchor] * DAY_MS // interval.ms)
    if count > MAX_CANDLES:
        raise WrongUse(
            f"anchor: a {anchor} holds {count:,} candles of {interval}, more than {MAX_CANDLES:,};"
            " choose a nearer anchor or a longer interval"
        )
    return count


def resolve_anchor(anchor: Anchor, interval: Interval) -> Anchor:
    """What `auto` means: the shortest period that holds 24 candles of the interval or more."""
    if anchor is not Anchor.AUTO:
        return anchor
    enough = (a for a, days in _LONGEST_DAYS.items() if days * DAY_MS >= MIN_CANDLES * interval.ms)
    return next(enough, Anchor.YEAR)


def number_periods(times: pd.Index, anchor: Anchor) -> np.ndarray:
    """For each candle's UTC open time a number that is the same within one period."""
    units = {Anchor.DAY: "D", Anchor.WEEK: "D", Anchor.MONTH: "M", Anchor.YEAR: "Y"}
    moments = pd.DatetimeIndex(times).tz_convert(None).to_numpy()
    starts = moments.astype(f"datetime64[{units[anchor]}]").astype(np.int64)
    # Day 0, 1970-01-01, was a Thursday; weeks start on Monday.
    return (starts + 3) // 7 if anchor is Anchor.WEEK else starts
