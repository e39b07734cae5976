"""Logarithmic returns between neighbouring candles."""

from typing import TypeVar

import numpy as np
import pandas as pd

Closes = TypeVar("Closes", pd.Series, pd.DataFrame)


def log_returns(close: Closes) -> Closes:
    """ln(close[t] / close[t - 1]), previous meaning the previous row; a frame's columns each.

    The first has none (NaN); nor has one beside a price that is not positive.
    """
    positive = close.where(close > 0)
    return (positive / positive.shift(1)).transform(np.log)
