"""Logarithmic returns between neighbouring candles."""

import numpy as np
import pandas as pd


def log_returns(close: pd.Series) -> pd.Series:
    """ln(close[t] / close[t - 1]), previous meaning the previous candle that exists.

    The first has none (NaN); nor has one beside a price that is not positive.
    """
    positive = close.where(close > 0)
    return (positive / positive.shift(1)).transform(np.log)
