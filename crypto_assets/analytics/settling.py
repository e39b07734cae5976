"""How much history an exponential average needs until its seed no longer affects the result.

After n candles the seed has the weight (1 - alpha)^n. The average is settled when that weight is
below `SETTLED`. At a price of 100,000 the error is then below 1e-8, since a seed is wrong by some
percent at most. As in TA-Lib, the seed is the simple average of the first `period` values.
"""

import math

SETTLED = 1e-12


def candles_to_settle(alpha: float, weight: float = SETTLED) -> int:
    """Return the smallest n with (1 - alpha)^n ≤ weight; 0 for alpha 1, which has no memory."""
    if alpha >= 1:
        return 0
    return math.ceil(math.log(weight) / math.log1p(-alpha))


def ema_alpha(period: int) -> float:
    """Return the usual smoothing factor of an exponential average: 2 / (period + 1)."""
    return 2 / (period + 1)


def wilder_alpha(period: int) -> float:
    """Return the smoothing factor of Wilder's average: 1 / period."""
    return 1 / period
