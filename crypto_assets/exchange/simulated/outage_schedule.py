"""When the simulated exchange stood still, for all symbols at once, by its seed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crypto_assets.exchange.simulated.noise import Ints, draw_uniform, stream_key
from crypto_assets.market.utc_time import MINUTES_PER_DAY

# One outage at most in each stretch of 45 days, in a little more than half of them.
_STRETCH = 45 * MINUTES_PER_DAY
_SHARE = 0.6
_SHORTEST = 4
_LONGEST = 360
_LAST_STRETCH = 10_000_000_000 // (60 * _STRETCH)


@dataclass(frozen=True)
class OutageSchedule:
    """Outages as minutes since the epoch: from `silent` nobody trades, from `start` to `end`
    (exclusive) no row is published.

    Lengths run from minutes to hours, the shorter the more frequent; most begin with up to 90
    silent minutes, as on 2023-03-24.
    """

    seed: int

    @cached_property
    def _all_outages(self) -> tuple[Ints, Ints, Ints]:
        """(silent, start, end) of all outages, ascending."""
        index = np.arange(_LAST_STRETCH)
        happens, place, length, prelude = (
            draw_uniform(stream_key(self.seed, "outage", name), index)
            for name in ("happens", "place", "length", "prelude")
        )
        skewed = length * length * length * length
        minutes = _SHORTEST + ((_LONGEST - _SHORTEST) * skewed).astype(np.int64)
        start = index * _STRETCH + 1000 + (place * (_STRETCH - 2000)).astype(np.int64)
        silent = start - (90 * np.maximum(prelude - 0.2, 0)).astype(np.int64)
        chosen = happens < _SHARE
        return silent[chosen], start[chosen], (start + minutes)[chosen]

    def list_outages(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """(silent, start, end) of each outage that touches first ≤ minute < last."""
        silent, start, end = self._all_outages
        low, high = np.searchsorted(end, first, "right"), np.searchsorted(silent, last)
        return [(int(silent[i]), int(start[i]), int(end[i])) for i in range(low, high)]
