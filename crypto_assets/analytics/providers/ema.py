"""EMA: exponential moving average of the close."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.settling import candles_to_settle, ema_alpha
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class EmaParams(Params):
    period: int = Field(
        20,
        ge=1,
        le=500,
        description="candles in the average; the newest has weight 2 / (period + 1)",
    )

    def warm_up(self, interval: Interval) -> int:
        return self.period - 1 + candles_to_settle(ema_alpha(self.period))


@provider(
    title="Exponential moving average",
    panel=Panel.PRICE,
    columns={"ema": Unit.QUOTE},
    reads=("close",),
)
def ema(candles: pd.DataFrame, params: EmaParams) -> pd.DataFrame:
    """Average of the close in which the weight of older candles falls exponentially.

    ema[t] = a * close[t] + (1 - a) * ema[t - 1], a = 2 / (period + 1), seeded with the simple
    average of the first `period` closes. Source: TA-Lib, EMA.
    Settled when the weight of the seed is below 1e-12.
    """
    return pd.DataFrame({"ema": talib.EMA(candles["close"], params.period)})
