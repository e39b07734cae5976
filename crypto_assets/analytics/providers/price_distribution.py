"""Price distribution: at which prices the market spent its time."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.distribution import Distribution, compute_distribution
from crypto_assets.analytics.provider import Panel, Params, provider


class PriceDistributionParams(Params):
    bins: int = Field(50, ge=1, le=500, description="bars of the histogram")


@provider(title="Price distribution", panel=Panel.ALONE, reads=("close",))
def price_distribution(candles: pd.DataFrame, params: PriceDistributionParams) -> Distribution:
    """Histogram of the closes of the candles given, with their moments and quantiles.

    Each candle counts once; prices in quote units. Moments are the population's, kurtosis the
    excess over 3. Source: numpy (histogram, quantile); as scipy.stats.skew and kurtosis.
    """
    return compute_distribution(candles["close"].to_numpy(), params.bins)
