"""All sixteen kline intervals of the exchange, months and time zones included.

`market.intervals.Interval` holds the twelve that the product works with; the simulated exchange
serves every interval that Binance does.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS

Ints = NDArray[np.int64]

_UNITS = {"s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS, "M": 31 * DAY_MS}
# Weeks begin on Mondays; 1970-01-01 was a Thursday. Periods of three days are counted so that
# BTCUSDT's first begins on 2017-08-17, as in the exchange's archive.
_ANCHORS = {"1w": 4 * DAY_MS, "3d": DAY_MS}


class KlineInterval(StrEnum):
    """`offset` is a time zone's distance from UTC in ms: periods begin by that zone's clock."""

    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MONTH = "1M"

    @property
    def ms(self) -> int:
        """Width in milliseconds; of a month the longest."""
        return int(self[:-1]) * _UNITS[self[-1]]

    def is_same_grid(self, offset: int) -> bool:
        """Whether periods begin at the same instants in UTC and in a zone of this offset."""
        return offset == 0 if self is KlineInterval.MONTH else offset % self.ms == 0

    def floor(self, ms: int, offset: int = 0) -> int:
        """Return the open time of the period in which an instant lies."""
        return int(self.open_times(np.array([ms]), offset)[0])

    def next_open(self, ms: int, offset: int = 0) -> int:
        """Return the open time of the period after the one in which an instant lies."""
        # A month's longest width leads from its beginning into the next month, never past it.
        return self.floor(self.floor(ms, offset) + self.ms, offset)

    def ceil(self, ms: int, offset: int = 0) -> int:
        """Return the open time of the first period that does not open before an instant."""
        opened = self.floor(ms, offset)
        return opened if opened == ms else self.next_open(ms, offset)

    def open_times(self, times: Ints, offset: int = 0) -> Ints:
        """Return the open time of the period of each instant."""
        local = times + offset
        if self is KlineInterval.MONTH:
            months = local.astype("datetime64[ms]").astype("datetime64[M]")
            opens: Ints = months.astype("datetime64[ms]").astype(np.int64)
        else:
            anchor = _ANCHORS.get(self, 0)
            opens = local - (local - anchor) % self.ms
        return opens - offset

    def close_times(self, opens: Ints, offset: int = 0) -> Ints:
        """Return the last millisecond of candles that open at these instants."""
        if self is not KlineInterval.MONTH:
            return opens + (self.ms - 1)
        local = (opens + offset).astype("datetime64[ms]").astype("datetime64[M]") + 1
        return local.astype("datetime64[ms]").astype(np.int64) - offset - 1
