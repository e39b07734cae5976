"""Drawdown: how far the close lies below its recent peak."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.market.intervals import Interval


class DrawdownParams(Params):
    window: int = Field(500, ge=2, le=3000, description="candles in which the peak is looked for")

    def warm_up(self, interval: Interval) -> int:
        return self.window - 1


@provider(
    title="Drawdown",
    panel=Panel.BELOW,
    columns={"drawdown": "fraction; -0.25 is 25 % lost"},
    reads=("close",),
)
def drawdown(candles: pd.DataFrame, params: DrawdownParams) -> pd.DataFrame:
    """Loss since the highest close of the last `window` candles; 0 at a peak.

    drawdown = close / max(close over window) - 1. Where history, or what follows the last hole, is
    shorter than the window, the peak is that of all of it: what the price was in a hole is unknown.
    Source: common definition, over a window so that it does not depend on what is shown.
    """
    close = candles["close"]
    peak = close.rolling(params.window, min_periods=1).max()
    return pd.DataFrame({"drawdown": close / peak - 1})
