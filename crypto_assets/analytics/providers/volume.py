"""Volume: what was traded in each candle."""

import pandas as pd

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.unit import Unit


class VolumeParams(Params):
    """No parameters."""


@provider(
    title="Volume",
    panel=Panel.BELOW,
    columns={
        "volume": Unit.BASE,
        "quote_volume": Unit.QUOTE,
        "taker_buy_volume": Unit.BASE,
    },
    reads=("volume", "quote_volume", "taker_buy_volume"),
)
def volume(candles: pd.DataFrame, params: VolumeParams) -> pd.DataFrame:
    """Traded volume of each candle, and the part of it bought by takers.

    A candle without trades has 0; an outage has no candle.
    Source: Binance, klines. Depends on no earlier candles.
    """
    return candles[["volume", "quote_volume", "taker_buy_volume"]]
