"""Logarithmic returns between neighbouring candles."""

from typing import TypeVar

import numpy as np
import pandas as pd

from crypto_assets.analytics.candle_gaps import mask_after_gaps, open_times_from_index
from crypto_assets.market.intervals import Interval

Closes = TypeVar("Closes", pd.Series, pd.DataFrame)


def log_returns(close: Closes, interval: Interval | None = None) -> Closes:
    """ln(close[t] / close[t - 1]) of candles under a UTC index; a frame's columns each.

    The first has none (NaN), nor has one beside a price that is not positive. With an `interval`,
    nor has one after a hole: that return took longer than one period. A series is given unbroken
    candles, and needs none.
    """
    positive = close.where(close > 0)
    previous = positive.shift(1)
    if interval is not None:
        previous[mask_after_gaps(open_times_from_index(close.index), interval)] = np.nan
    return (positive / previous).transform(np.log)
