"""Candlestick: the candles as published."""

import pandas as pd

from crypto_assets.analytics.provider import Panel, Params, provider
from crypto_assets.analytics.unit import Unit
from crypto_assets.market.candles import CANDLE_COLUMNS

_QUOTE, _BASE, _MS = Unit.QUOTE, Unit.BASE, Unit.EPOCH_MS


class CandlestickParams(Params):
    """No parameters."""


@provider(
    title="Candlestick",
    panel=Panel.PRICE,
    columns={
        "open_time": _MS,
        "open": _QUOTE,
        "high": _QUOTE,
        "low": _QUOTE,
        "close": _QUOTE,
        "volume": _BASE,
        "close_time": _MS,
        "quote_volume": _QUOTE,
        "trade_count": Unit.TRADES,
        "taker_buy_volume": _BASE,
        "taker_buy_quote_volume": _QUOTE,
    },
)
def candlestick(candles: pd.DataFrame, params: CandlestickParams) -> pd.DataFrame:
    """The eleven columns of each candle, as the exchange published them.

    Larger intervals follow the exchange's rule: open, high and low come from the parts with volume,
    close from the last part; volumes and trades are sums.
    Source: Binance, klines. Depends on no earlier candles.
    """
    return candles[list(CANDLE_COLUMNS)]
