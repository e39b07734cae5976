"""Stochastic oscillator: the position of the close within the recent range."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class StochasticParams(Params):
    k_period: int = Field(14, ge=1, le=500, description="candles in the range")
    k_smoothing: int = Field(3, ge=1, le=100, description="candles in the average k")
    d_period: int = Field(3, ge=1, le=100, description="values of k in the average d")

    def warm_up(self, interval: Interval) -> int:
        return self.k_period + self.k_smoothing + self.d_period - 3


@provider(
    title="Stochastic oscillator",
    panel=Panel.BELOW,
    columns={"k": Unit.PERCENT, "d": Unit.PERCENT},
    levels=(20, 80),
    reads=("high", "low", "close"),
)
def stochastic(candles: pd.DataFrame, params: StochasticParams) -> pd.DataFrame:
    """Position of the close between the lowest low (0) and the highest high (100) of a window.

    raw = 100 * (close - lowest) / (highest - lowest) over `k_period` candles;
    k = sma(raw, k_smoothing); d = sma(k, d_period).
    Source: G. Lane; TA-Lib, STOCH with simple averages. Undefined if a window has no range
    (highest = lowest), where TA-Lib returns 0.
    """
    high, low = candles["high"], candles["low"]
    smoothing = params.k_smoothing, 0, params.d_period, 0
    k, d = talib.STOCH(high, low, candles["close"], params.k_period, *smoothing)
    flat = high.rolling(params.k_period).max() == low.rolling(params.k_period).min()
    windows = params.k_smoothing, params.k_smoothing + params.d_period - 1
    in_k, in_d = (flat.rolling(n, min_periods=1).max() > 0 for n in windows)
    return pd.DataFrame({"k": k.mask(in_k), "d": d.mask(in_d)})
