"""SMA: simple moving average of the close."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class SmaParams(Params):
    period: int = Field(20, ge=1, le=500, description="candles in the average")

    def warm_up(self, interval: Interval) -> int:
        return self.period - 1


@provider(
    title="Simple moving average",
    panel=Panel.PRICE,
    columns={"sma": Unit.QUOTE},
    reads=("close",),
)
def sma(candles: pd.DataFrame, params: SmaParams) -> pd.DataFrame:
    """Mean close of the last `period` candles.

    sma[t] = (close[t] + … + close[t - period + 1]) / period. Source: TA-Lib, SMA.
    Undefined for the first `period - 1` candles of history and after a gap.
    """
    return pd.DataFrame({"sma": talib.SMA(candles["close"], params.period)})
