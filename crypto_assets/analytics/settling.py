"""How much history an average that never forgets needs before its start no longer shows.

An exponential average gives its seed the weight (1 - alpha)^n after n candles. It counts as settled
when that weight is below `SETTLED`: at a price of 100,000 the seed's error, some percent of it at
most, then lies under 1e-8. Where the seed comes from is TA-Lib's convention: the simple average of
the first `period` values.
"""

import math

SETTLED = 1e-12


def candles_to_settle(alpha: float, weight: float = SETTLED) -> int:
    """Smallest n with (1 - alpha)^n ≤ weight; 0 where nothing is remembered (alpha 1)."""
    if alpha >= 1:
        return 0
    return math.ceil(math.log(weight) / math.log1p(-alpha))


def ema_alpha(period: int) -> float:
    """The usual smoothing of an exponential average "of `period`": 2 / (period + 1)."""
    return 2 / (period + 1)


def wilder_alpha(period: int) -> float:
    """Wilder's smoothing: 1 / period."""
    return 1 / period
