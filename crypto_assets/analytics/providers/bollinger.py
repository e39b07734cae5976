"""Bollinger bands: a moving average and its standard deviation on both sides."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class BollingerParams(Params):
    period: int = Field(20, ge=2, le=500, description="candles in the average and the deviation")
    std: float = Field(
        2.0, gt=0, le=10, description="standard deviations from the middle to a band"
    )

    def warm_up(self, interval: Interval) -> int:
        return self.period - 1


@provider(
    title="Bollinger bands",
    panel=Panel.PRICE,
    columns={"upper": Unit.QUOTE, "middle": Unit.QUOTE, "lower": Unit.QUOTE},
    reads=("close",),
    band=("upper", "lower"),
)
def bollinger(candles: pd.DataFrame, params: BollingerParams) -> pd.DataFrame:
    """Mean close of the last `period` candles, and `std` standard deviations above and below.

    middle = sma(close, period); upper, lower = middle ± std * population standard deviation
    (divided by `period`). With a constant price the three bands are equal.
    Source: J. Bollinger, Bollinger on Bollinger Bands, 2001; TA-Lib, BBANDS.
    """
    lines = talib.BBANDS(candles["close"], params.period, params.std, params.std)
    return pd.DataFrame(dict(zip(("upper", "middle", "lower"), lines, strict=True)))
