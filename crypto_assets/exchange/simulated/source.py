"""Where the simulated exchange's candles come from: generated, or recorded."""

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from crypto_assets.exchange.simulated.catalogue import Listing
from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval


class CandleSource(Protocol):
    """All candles that will ever be, final, whatever the exchange's clock says."""

    @property
    def symbols(self) -> Mapping[str, Listing]: ...

    @property
    def origin(self) -> str:
        """What a client is told about these candles in the header X-Simulated-Exchange."""
        ...

    def span(self, symbol: str) -> Window:
        """From the first open time to just after the last close time."""
        ...

    def holds(self, symbol: str, interval: Interval) -> bool:
        """Whether candles of the interval are given; others are built from minutes."""
        ...

    def candles(self, symbol: str, interval: Interval, window: Window) -> pa.Table:
        """CANDLE_SCHEMA, ascending: candles that open in the window, of an interval it holds."""
        ...
