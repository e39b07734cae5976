"""Logarithmic returns between consecutive candles."""

from typing import TypeVar

import numpy as np
import pandas as pd

from crypto_assets.analytics.candle_gaps import mask_after_gaps, open_times_from_index
from crypto_assets.market.intervals import Interval

Closes = TypeVar("Closes", pd.Series, pd.DataFrame)


def log_returns(close: Closes, interval: Interval | None = None) -> Closes:
    """Compute ln(close[t] / close[t - 1]) of candles under a UTC index, per column of a frame.

    The first return is NaN, as is a return from or to a price that is not positive. With an
    `interval`, a return across a gap is NaN too, because it took longer than one period. Series
    receive candles without gaps and do not need it.
    """
    positive = close.where(close > 0)
    previous = positive.shift(1)
    if interval is not None:
        previous[mask_after_gaps(open_times_from_index(close.index), interval)] = np.nan
    return (positive / previous).transform(np.log)
