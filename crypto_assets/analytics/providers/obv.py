"""OBV: on-balance volume since the day, week, month or year began."""

import numpy as np
import pandas as pd
from pydantic import Field

from crypto_assets.analytics.anchor_periods import (
    Anchor,
    max_candles_since,
    number_periods,
    resolve_anchor,
)
from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.market.intervals import Interval


class ObvParams(Params):
    anchor: Anchor = Field(
        Anchor.AUTO,
        description="where it starts at 0; auto: by the interval, for 24 candles or more",
    )

    def warm_up(self, interval: Interval) -> int:
        return max_candles_since(self.anchor, interval)


@provider(
    title="On-balance volume",
    panel=Panel.BELOW,
    columns={"obv": "base units"},
    reads=("close", "volume"),
)
def obv(candles: pd.DataFrame, interval: Interval, params: ObvParams) -> pd.DataFrame:
    """Volume of candles that closed higher minus volume of those that closed lower, running.

    obv[t] = obv[t - 1] + volume[t] * sign(close[t] - close[t - 1]), from 0 at the anchor (UTC;
    weeks from Monday), and again from 0 after a hole: a difference over it would lack what was
    traded there.
    Source: J. Granville, New Key to Stock Market Profits, 1963. TA-Lib's starts wherever its input
    does, so that only differences mean something; within a period ours has the same ones.
    """
    direction = np.sign(candles["close"].diff().fillna(0.0))
    period = number_periods(candles.index, resolve_anchor(params.anchor, interval))
    return pd.DataFrame({"obv": (candles["volume"] * direction).groupby(period).cumsum()})
