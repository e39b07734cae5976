"""OBV: on-balance volume since the start of the day, week, month or year."""

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
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval


class ObvParams(Params):
    anchor: Anchor = Field(
        Anchor.AUTO,
        description="start of the sum; auto: the shortest period with at least 24 candles",
    )

    def warm_up(self, interval: Interval) -> int:
        return max_candles_since(self.anchor, interval)


@provider(
    title="On-balance volume",
    panel=Panel.BELOW,
    columns={"obv": Unit.BASE},
    reads=("close", "volume"),
)
def obv(candles: pd.DataFrame, interval: Interval, params: ObvParams) -> pd.DataFrame:
    """Running sum of volume, added if a candle closed higher and subtracted if it closed lower.

    obv[t] = obv[t - 1] + volume[t] * sign(close[t] - close[t - 1]), from 0 at the anchor (UTC;
    weeks start on Monday) and after a gap, because the volume traded in the gap is unknown.
    Source: J. Granville, New Key to Stock Market Profits, 1963. TA-Lib starts at its first input,
    so only differences are comparable; within a period they are equal.
    """
    direction = np.sign(candles["close"].diff().fillna(0.0))
    period = number_periods(candles.index, resolve_anchor(params.anchor, interval))
    return pd.DataFrame({"obv": (candles["volume"] * direction).groupby(period).cumsum()})
