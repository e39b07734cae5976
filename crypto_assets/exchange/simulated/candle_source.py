"""The interface of the simulated exchange's candles, which are generated or recorded."""

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.market.utc_time import Window

# Intervals from which all larger ones can be built, the preferred one first.
BASE_INTERVALS = (KlineInterval.M1, KlineInterval.S1)


class CandleSource(Protocol):
    """All final candles, past and future: a source is independent of the exchange's clock."""

    @property
    def symbols(self) -> Mapping[str, ListedSymbol]: ...

    @property
    def origin(self) -> str:
        """The value of the header X-Simulated-Exchange, which identifies the candles."""
        ...

    def get_trading_window(self, symbol: str) -> Window:
        """Return the window from the first open time to the end of trading."""
        ...

    def has_interval(self, symbol: str, interval: KlineInterval) -> bool:
        """Return whether the source has the interval; others are built from minutes."""
        ...

    def get_open_window(self, symbol: str, interval: KlineInterval) -> Window:
        """Return the window of the open times of an interval that the source has."""
        ...

    def select_candles(self, symbol: str, interval: KlineInterval, window: Window) -> pa.Table:
        """Return candles of CANDLE_SCHEMA, ascending, that open in the window.

        The source must have the interval.
        """
        ...


def find_base_interval(source: CandleSource, symbol: str) -> KlineInterval:
    """Return the interval from which trades, tickers and larger candles are built.

    Minutes if the source has them, else seconds, else the finest interval.
    """
    intervals: list[KlineInterval] = [*BASE_INTERVALS, *KlineInterval]
    return next(interval for interval in intervals if source.has_interval(symbol, interval))
