"""MACD: moving average convergence and divergence of the close."""

from typing import Self

import pandas as pd
import talib
from pydantic import Field, model_validator

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.settling import SETTLED, candles_to_settle, ema_alpha
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval

# The seed of an average of an average keeps a higher weight than that of a single average, by a
# factor of at most 1 - ln(SETTLED / 100) = 33.
_CASCADE = 100


class MacdParams(Params):
    fast_period: int = Field(12, ge=2, le=200, description="candles in the fast average")
    slow_period: int = Field(26, ge=3, le=200, description="candles in the slow average")
    signal_period: int = Field(9, ge=1, le=200, description="candles in the average of macd")

    @model_validator(mode="after")
    def _fast_before_slow(self) -> Self:
        if self.fast_period >= self.slow_period:
            raise ValueError(
                f"fast_period ({self.fast_period}) must be below slow_period ({self.slow_period})"
            )
        return self

    def warm_up(self, interval: Interval) -> int:
        slowest = ema_alpha(max(self.slow_period, self.signal_period))
        seeds = self.slow_period + self.signal_period - 2
        return seeds + candles_to_settle(slowest, SETTLED / _CASCADE)


@provider(
    title="MACD",
    panel=Panel.BELOW,
    columns={"macd": Unit.QUOTE, "signal": Unit.QUOTE, "histogram": Unit.QUOTE},
    bars=("histogram",),
    levels=(0,),
    reads=("close",),
)
def macd(candles: pd.DataFrame, params: MacdParams) -> pd.DataFrame:
    """Difference of two exponential averages of the close, its average, and their difference.

    macd = ema(close, fast) - ema(close, slow); signal = ema(macd, signal);
    histogram = macd - signal. Both averages start at the same candle, as in TA-Lib.
    Source: G. Appel, The Moving Average Convergence-Divergence Method, 1979; TA-Lib, MACD.
    Settled when the weight of the seed is below 1e-12.
    """
    lines = talib.MACD(
        candles["close"], params.fast_period, params.slow_period, params.signal_period
    )
    return pd.DataFrame(dict(zip(("macd", "signal", "histogram"), lines, strict=True)))
