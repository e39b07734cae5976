"""ATR: Wilder's average true range."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.settling import candles_to_settle, wilder_alpha
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class AtrParams(Params):
    period: int = Field(
        14, ge=2, le=100, description="candles in the average; the newest has weight 1 / period"
    )

    def warm_up(self, interval: Interval) -> int:
        return self.period + candles_to_settle(wilder_alpha(self.period))


@provider(
    title="Average true range",
    panel=Panel.BELOW,
    columns={"atr": Unit.QUOTE},
    reads=("high", "low", "close"),
)
def atr(candles: pd.DataFrame, params: AtrParams) -> pd.DataFrame:
    """Average range of a candle, including the move from the previous close.

    true range = max(high, previous close) - min(low, previous close), averaged by Wilder's method
    (weight 1 / period), seeded with the simple average of the first `period` values.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib, ATR.
    Settled when the weight of the seed is below 1e-12.
    """
    return pd.DataFrame(
        {"atr": talib.ATR(candles["high"], candles["low"], candles["close"], params.period)}
    )
