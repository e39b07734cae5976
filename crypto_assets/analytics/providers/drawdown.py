"""Drawdown: how far the close is below its recent peak."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class DrawdownParams(Params):
    window: int = Field(500, ge=2, le=3000, description="candles in which the peak is searched for")

    def warm_up(self, interval: Interval) -> int:
        return self.window - 1


@provider(
    title="Drawdown",
    panel=Panel.BELOW,
    columns={"drawdown": Unit.LOSS},
    reads=("close",),
)
def drawdown(candles: pd.DataFrame, params: DrawdownParams) -> pd.DataFrame:
    """Loss since the highest close of the last `window` candles; 0 at a peak.

    drawdown = close / max(close over window) - 1. With fewer candles since the beginning of history
    or the last gap, the peak is that of these candles.
    Source: common definition, limited to a window so that it does not depend on what is shown.
    """
    close = candles["close"]
    peak = close.rolling(params.window, min_periods=1).max()
    return pd.DataFrame({"drawdown": close / peak - 1})
