"""VWAP: volume-weighted average price since the start of the day, week, month or year."""

from enum import StrEnum

import pandas as pd
import talib
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


class Price(StrEnum):
    TYPICAL = "typical"
    TRADED = "traded"


class VwapParams(Params):
    anchor: Anchor = Field(
        Anchor.AUTO,
        description="start of the average; auto: the shortest period with at least 24 candles",
    )
    price: Price = Field(
        Price.TYPICAL, description="typical: (high + low + close) / 3; traded: the price paid"
    )

    def warm_up(self, interval: Interval) -> int:
        return max_candles_since(self.anchor, interval)

    def describe(self, interval: Interval) -> str:
        price = "" if self.price is Price.TYPICAL else f", {self.price}"
        return f"({resolve_anchor(self.anchor, interval)}{price})"


@provider(
    title="VWAP",
    panel=Panel.PRICE,
    columns={"vwap": Unit.QUOTE},
    reads=("high", "low", "close", "volume", "quote_volume"),
)
def vwap(candles: pd.DataFrame, interval: Interval, params: VwapParams) -> pd.DataFrame:
    """Average price per unit since the anchor (UTC; weeks start on Monday) or the last gap.

    vwap = sum(price * volume) / sum(volume), with price = (high + low + close) / 3 as in TA-Lib.
    With `price=traded` it is sum(quote_volume) / sum(volume), the exact mean over all trades.
    Undefined until something has been traded.
    """
    volume = candles["volume"]
    if params.price is Price.TRADED:
        paid = candles["quote_volume"]
    else:
        paid = talib.TYPPRICE(candles["high"], candles["low"], candles["close"]) * volume
    period = number_periods(candles.index, resolve_anchor(params.anchor, interval))
    traded = volume.groupby(period).cumsum()
    return pd.DataFrame({"vwap": paid.groupby(period).cumsum() / traded.where(traded > 0)})
