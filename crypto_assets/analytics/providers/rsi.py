"""RSI: Wilder's relative strength index of the close."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.settling import SETTLED, candles_to_settle, wilder_alpha
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval

# If the last move has less than this weight, the ratio of gains to losses would depend on candles
# before those that are read.
_MIN_MOVE_WEIGHT = 1e-4


class RsiParams(Params):
    period: int = Field(
        14, ge=2, le=100, description="candles in the average; the newest has weight 1 / period"
    )

    def warm_up(self, interval: Interval) -> int:
        return self.period + candles_to_settle(
            wilder_alpha(self.period), SETTLED * _MIN_MOVE_WEIGHT
        )

    @property
    def quiet_candles(self) -> int:
        """After how many candles without a move the RSI is undefined (period 14: 125)."""
        return candles_to_settle(wilder_alpha(self.period), _MIN_MOVE_WEIGHT)


@provider(
    title="Relative strength index",
    panel=Panel.BELOW,
    columns={"rsi": Unit.PERCENT},
    levels=(30, 70),
    reads=("close",),
)
def rsi(candles: pd.DataFrame, params: RsiParams) -> pd.DataFrame:
    """Share of gains in all moves of the close; above 70 is called overbought, below 30 oversold.

    rsi = 100 * gain / (gain + loss), both averaged by Wilder's method (weight 1 / period), seeded
    with the simple average of the first `period` moves.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib, RSI.
    Settled when the weight of the seed is below 1e-16. Undefined if the close has been constant for
    so long that the weight of the last move is below 1e-4 (period 14: 125 candles). TA-Lib returns
    0 or repeats the last value there, depending on where its input starts.
    """
    close = candles["close"]
    moved = close.diff().fillna(0.0).ne(0)
    recently = moved.rolling(params.quiet_candles, min_periods=1).max() > 0
    return pd.DataFrame({"rsi": talib.RSI(close, params.period).where(recently)})
