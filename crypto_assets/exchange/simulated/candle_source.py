"""Where the simulated exchange's candles come from: generated, or recorded."""

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.market.utc_time import Window

# Intervals from which all larger ones can be built, the preferred one first.
BASE_INTERVALS = (KlineInterval.M1, KlineInterval.S1)


class CandleSource(Protocol):
    """All candles that will ever be, final, whatever the exchange's clock says."""

    @property
    def symbols(self) -> Mapping[str, ListedSymbol]: ...

    @property
    def origin(self) -> str:
        """What a client is told about these candles in the header X-Simulated-Exchange."""
        ...

    def get_trading_window(self, symbol: str) -> Window:
        """From the first open time to when the symbol stops trading."""
        ...

    def has_interval(self, symbol: str, interval: KlineInterval) -> bool:
        """Whether candles of the interval are given; others are built from minutes."""
        ...

    def get_open_window(self, symbol: str, interval: KlineInterval) -> Window:
        """From the first open time to just after the last, of an interval it holds."""
        ...

    def select_candles(self, symbol: str, interval: KlineInterval, window: Window) -> pa.Table:
        """CANDLE_SCHEMA, ascending: candles that open in the window, of an interval it holds."""
        ...


def find_base_interval(source: CandleSource, symbol: str) -> KlineInterval:
    """Return the interval that trades, tickers and larger candles are made of.

    Minutes where they are given, else seconds, else the finest that there is.
    """
    intervals: list[KlineInterval] = [*BASE_INTERVALS, *KlineInterval]
    return next(interval for interval in intervals if source.has_interval(symbol, interval))
