"""Price distribution: how often each price occurred."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.distribution import Distribution, compute_distribution
from crypto_assets.analytics.provider import Panel, Params, provider


class PriceDistributionParams(Params):
    bins: int = Field(50, ge=1, le=500, description="bins of the histogram")


@provider(title="Price distribution", panel=Panel.ALONE, reads=("close",))
def price_distribution(candles: pd.DataFrame, params: PriceDistributionParams) -> Distribution:
    """Histogram of closes, with their moments and quantiles.

    Each candle counts once; prices in quote units. Moments are those of the population, kurtosis is
    the excess over 3. Source: numpy (histogram, quantile); scipy.stats (skew, kurtosis).
    """
    return compute_distribution(candles["close"].to_numpy(), params.bins)
