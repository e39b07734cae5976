"""Correlation: how similarly the prices of two symbols move."""

from collections.abc import Mapping

import pandas as pd
import talib
from pydantic import Field, field_validator

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.returns import log_returns
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.intervals import Interval
from crypto_assets.market.symbols import parse_symbol


class CorrelationParams(Params):
    with_: str = Field("BTCUSDT", alias="with", description="other symbol")
    window: int = Field(30, ge=3, le=1000, description="returns in the correlation")

    @field_validator("with_")
    @classmethod
    def _parse_symbol(cls, value: str) -> str:
        return parse_symbol(value)

    def warm_up(self, interval: Interval) -> int:
        return self.window

    def companions(self) -> tuple[str, ...]:
        return (self.with_,)


@provider(
    title="Correlation",
    panel=Panel.BELOW,
    columns={"correlation": Unit.CORRELATION},
    levels=(0,),
    reads=("close",),
)
def correlation(
    candles: pd.DataFrame, companions: Mapping[str, pd.DataFrame], params: CorrelationParams
) -> pd.DataFrame:
    """Pearson correlation of the last `window` log returns of two symbols.

    Both returns are computed between the same two open times. Undefined if the other symbol lacks a
    candle in the window, or if the returns of one symbol are all equal.
    Source: K. Pearson, 1895; TA-Lib, CORREL.
    """
    ours = log_returns(candles["close"])
    theirs = log_returns(companions[params.with_]["close"].reindex(candles.index))
    both = ours.notna() & theirs.notna()
    value = talib.CORREL(ours[both], theirs[both], params.window).reindex(candles.index)
    whole = both.rolling(params.window).sum() == params.window
    moving = _is_moving(ours, params.window) & _is_moving(theirs, params.window)
    return pd.DataFrame({"correlation": value.where(whole & moving)})


def _is_moving(returns: pd.Series, window: int) -> pd.Series:
    """Return where the returns in the window are not all equal."""
    recent = returns.rolling(window)
    return recent.max() > recent.min()
