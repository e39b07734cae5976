"""Volatility: the annualized standard deviation of returns."""

import math

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.returns import log_returns
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS

_YEAR_MS = 365 * DAY_MS


class VolatilityParams(Params):
    window: int = Field(30, ge=2, le=1000, description="returns in the standard deviation")

    def warm_up(self, interval: Interval) -> int:
        return self.window


@provider(
    title="Volatility",
    panel=Panel.BELOW,
    columns={"volatility": Unit.YEARLY_FRACTION},
    reads=("close",),
)
def volatility(candles: pd.DataFrame, interval: Interval, params: VolatilityParams) -> pd.DataFrame:
    """Standard deviation of the last `window` log returns, scaled to a year of 365 days.

    volatility = std(ln(close[t] / close[t - 1])) * sqrt(year / interval), with the sample standard
    deviation (divided by window - 1). The market never closes, so a year has 365 days.
    Source: realized volatility as in J. Hull, Options, Futures and Other Derivatives; TA-Lib,
    STDDEV.
    """
    sample = math.sqrt(params.window / (params.window - 1))
    yearly = math.sqrt(_YEAR_MS / interval.ms)
    deviation = talib.STDDEV(log_returns(candles["close"]), params.window, 1.0)
    return pd.DataFrame({"volatility": deviation * (sample * yearly)})
