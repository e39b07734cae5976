"""Holes in a series of candles: periods of the grid, between two candles, that have none."""

from collections.abc import Iterable

import numpy as np

from crypto_assets.market.clock import Window
from crypto_assets.market.intervals import Interval


def gaps(
    open_times: Iterable[int], interval: Interval, window: Window | None = None
) -> list[Window]:
    """Maximal holes between existing candles, oldest first, clipped to `window` if there is one.

    `open_times` ascend, in epoch ms; they need not lie on the grid (some of 2017 and 2018 do not).
    A hole is half-open: from the first missing open time to the next candle's. What lies before the
    first or after the last candle is no hole here: only the ledger knows whether it was listed.
    """
    opened, width = np.fromiter(open_times, np.int64), interval.ms
    grid = opened - (opened - interval.offset_ms) % width
    before = np.flatnonzero(np.diff(grid) > width)
    starts, ends = (grid[before] + width).tolist(), grid[before + 1].tolist()
    holes = map(Window, starts, ends)
    if window is None:
        return list(holes)
    return [clipped for hole in holes if (clipped := hole & window)]
