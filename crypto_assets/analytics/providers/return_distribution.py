"""Return distribution: how often the price moved how far from one candle to the next."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.distribution import Distribution, compute_distribution
from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.returns import log_returns
from crypto_assets.market.intervals import Interval


class ReturnDistributionParams(Params):
    bins: int = Field(50, ge=1, le=500, description="bars of the histogram")


@provider(title="Return distribution", panel=Panel.ALONE, reads=("close",))
def return_distribution(
    candles: pd.DataFrame, interval: Interval, params: ReturnDistributionParams
) -> Distribution:
    """Histogram of log returns between the candles given, with their moments and quantiles.

    return = ln(close[t] / close[t - 1]); n candles without a hole have n - 1. A return over a hole
    does not count: it took longer than one candle.
    Moments are the population's, kurtosis the excess over 3 (fat tails are above 0).
    Source: numpy (histogram, quantile); as scipy.stats.skew and kurtosis.
    """
    return compute_distribution(
        log_returns(candles["close"], interval).dropna().to_numpy(), params.bins
    )
