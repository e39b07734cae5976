"""Holes in a series of candles: periods of the grid, between two candles, that have none.

A hole breaks a series: a value rests on candles without a hole between them. So no return is taken
over one, and what looks back begins again after it.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window


def find_candle_gaps(
    open_times: Iterable[int], interval: Interval, window: Window | None = None
) -> list[Window]:
    """Maximal holes between existing candles, oldest first, clipped to `window` if there is one.

    `open_times` ascend, in epoch ms; they need not lie on the grid (some of 2017 and 2018 do not).
    A hole is half-open: from the first missing open time to the next candle's. What lies before the
    first or after the last candle is no hole here: only the ledger knows whether it was listed.
    """
    opened, width = np.fromiter(open_times, np.int64), interval.ms
    grid = _snap_to_grid(opened, interval)
    before = np.flatnonzero(np.diff(grid) > width)
    starts, ends = (grid[before] + width).tolist(), grid[before + 1].tolist()
    holes = map(Window, starts, ends)
    if window is None:
        return list(holes)
    return [clipped for hole in holes if (clipped := hole & window)]


def mask_after_gaps(open_times: NDArray[np.int64], interval: Interval) -> NDArray[np.bool_]:
    """Whether a hole lies between each candle and the one before it; the first has none before."""
    found = np.zeros(len(open_times), bool)
    found[1:] = np.diff(_snap_to_grid(open_times, interval)) > interval.ms
    return found


def split_at_gaps(
    open_times: NDArray[np.int64], interval: Interval, left_out: NDArray[np.bool_]
) -> list[slice]:
    """Rows without a hole between them and without one that is left out, as slices, in order."""
    starts = np.flatnonzero(mask_after_gaps(open_times, interval) | left_out)
    edges = [0, *starts.tolist(), len(open_times)]
    runs = []
    for start, end in pairwise(edges):
        first = start + bool(start < end and left_out[start])
        if first < end:
            runs.append(slice(first, end))
    return runs


def open_times_from_index(index: pd.Index) -> NDArray[np.int64]:
    """The times of a frame's index in epoch ms."""
    return pd.DatetimeIndex(index).as_unit("ms").asi8


def _snap_to_grid(open_times: NDArray[np.int64], interval: Interval) -> NDArray[np.int64]:
    return open_times - (open_times - interval.offset_ms) % interval.ms
