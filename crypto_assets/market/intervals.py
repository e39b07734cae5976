"""The twelve candle intervals of this platform, with the exchange's names."""

from enum import StrEnum

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms

# 1970-01-01 was a Thursday; the exchange's weeks start on Monday 00:00 UTC.
MONDAY_OFFSET_MS = 4 * DAY_MS

_UNIT_MS = {"s": 1000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}


def parse_width_ms(text: str) -> int:
    """Return the width in ms of an interval such as `15m`, of seconds up to weeks."""
    return int(text[:-1]) * _UNIT_MS[text[-1]]


class Interval(StrEnum):
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H12 = "12h"
    D1 = "1d"
    W1 = "1w"

    @property
    def ms(self) -> int:
        """Width in milliseconds."""
        return parse_width_ms(self)

    @property
    def offset_ms(self) -> int:
        """Distance of the period grid from the epoch: weeks start on a Monday."""
        return MONDAY_OFFSET_MS if self is Interval.W1 else 0

    def floor(self, ms: int) -> int:
        """Return the open time of the period that contains an instant."""
        return floor_ms(ms - self.offset_ms, self.ms) + self.offset_ms

    def ceil(self, ms: int) -> int:
        """Return the open time of the first period that does not open before an instant."""
        return self.floor(ms + self.ms - 1)
