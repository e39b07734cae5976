"""Return distribution: how often each price change between candles occurred."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.distribution import Distribution, compute_distribution
from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.returns import log_returns
from crypto_assets.market.intervals import Interval


class ReturnDistributionParams(Params):
    bins: int = Field(50, ge=1, le=500, description="bins of the histogram")


@provider(title="Return distribution", panel=Panel.ALONE, reads=("close",))
def return_distribution(
    candles: pd.DataFrame, interval: Interval, params: ReturnDistributionParams
) -> Distribution:
    """Histogram of log returns between candles, with their moments and quantiles.

    return = ln(close[t] / close[t - 1]); n candles without a gap have n - 1 returns. A return
    across a gap does not count, because it took longer than one candle; `left_out` is how many.
    Moments are those of the population, kurtosis is the excess over 3 (above 0: fat tails).
    Source: numpy (histogram, quantile); scipy.stats (skew, kurtosis).
    """
    returns = log_returns(candles["close"], interval)[1:]
    return compute_distribution(
        returns.dropna().to_numpy(), params.bins, left_out=int(returns.isna().sum())
    )
