"""RSI: Wilder's relative strength index of the close."""

import pandas as pd
import talib
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.settling import SETTLED, candles_to_settle, wilder_alpha
from crypto_assets.market.intervals import Interval

# Once a move has faded to this part of itself, nothing newer having moved, the ratio of gains to
# losses would rest on what lies before the candles that are read.
_FADED = 1e-4


class RsiParams(Params):
    period: int = Field(14, ge=2, le=100, description="candles; the newest weighs 1 / period")

    def warm_up(self, interval: Interval) -> int:
        return self.period + candles_to_settle(wilder_alpha(self.period), SETTLED * _FADED)

    @property
    def quiet_candles(self) -> int:
        """After so many candles without a move nothing is left to compare (14: 125 candles)."""
        return candles_to_settle(wilder_alpha(self.period), _FADED)


@provider(
    title="Relative strength index",
    panel=Panel.BELOW,
    columns={"rsi": "0 to 100"},
    levels=(30, 70),
    reads=("close",),
)
def rsi(candles: pd.DataFrame, params: RsiParams) -> pd.DataFrame:
    """Share of gains in all moves of the close; over 70 is called overbought, under 30 oversold.

    rsi = 100 * gain / (gain + loss), both averaged by Wilder (weight 1 / period) and seeded with
    the simple average of the first `period` moves.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib, RSI.
    Settled when the seed weighs less than 1e-16. No value where the close has not moved for so many
    candles that the last move weighs less than 1e-4 (period 14: 125 candles; TA-Lib says 0 or holds
    the last value, depending on where its input starts).
    """
    close = candles["close"]
    moved = close.diff().fillna(0.0).ne(0)
    recently = moved.rolling(params.quiet_candles, min_periods=1).max() > 0
    return pd.DataFrame({"rsi": talib.RSI(close, params.period).where(recently)})
