"""All sixteen kline intervals of Binance, with months and time zones.

`market.intervals.Interval` has the twelve intervals of fixed width that the platform offers.
"""

from enum import StrEnum

import numpy as np

from crypto_assets.exchange.simulated.array_types import Ints
from crypto_assets.market.intervals import MONDAY_OFFSET_MS, parse_width_ms
from crypto_assets.market.utc_time import DAY_MS

# In the exchange's archive, a period of three days begins on 2017-08-17.
_ANCHORS = {"1w": MONDAY_OFFSET_MS, "3d": DAY_MS}


class KlineInterval(StrEnum):
    """A kline interval. `offset` is the distance in ms of a time zone from UTC: periods begin by
    that zone's clock.
    """

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
        """Width in milliseconds; for a month that of the longest."""
        return 31 * DAY_MS if self is KlineInterval.MONTH else parse_width_ms(self)

    def is_same_grid(self, offset: int) -> bool:
        """Return whether periods begin at the same times in UTC and at this offset."""
        return offset == 0 if self is KlineInterval.MONTH else offset % self.ms == 0

    def floor(self, ms: int, offset: int = 0) -> int:
        """Return the open time of the period that contains a time."""
        return int(self.open_times(np.array([ms]), offset)[0])

    def next_open(self, ms: int, offset: int = 0) -> int:
        """Return the open time of the period after the one that contains a time."""
        # The longest width of a month leads from its start into the next month, never beyond.
        return self.floor(self.floor(ms, offset) + self.ms, offset)

    def ceil(self, ms: int, offset: int = 0) -> int:
        """Return the open time of the first period that opens at a time or later."""
        opened = self.floor(ms, offset)
        return opened if opened == ms else self.next_open(ms, offset)

    def open_times(self, times: Ints, offset: int = 0) -> Ints:
        """Return the open time of the period of each time."""
        local = times + offset
        if self is KlineInterval.MONTH:
            months = local.astype("datetime64[ms]").astype("datetime64[M]")
            opens: Ints = months.astype("datetime64[ms]").astype(np.int64)
        else:
            anchor = _ANCHORS.get(self, 0)
            opens = local - (local - anchor) % self.ms
        return opens - offset

    def close_times(self, opens: Ints, offset: int = 0) -> Ints:
        """Return the last millisecond of candles that open at these times."""
        if self is not KlineInterval.MONTH:
            return opens + (self.ms - 1)
        months = (opens + offset).astype("datetime64[ms]").astype("datetime64[M]")
        local = months + np.timedelta64(1, "M")
        return local.astype("datetime64[ms]").astype(np.int64) - offset - 1
