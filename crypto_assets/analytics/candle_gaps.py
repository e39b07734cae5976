"""Gaps in a series of candles: periods between two candles that have no candle.

A value depends only on candles without a gap between them. So there is no return across a gap, and
an indicator that depends on earlier candles starts again after it.
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
    """Return the maximal gaps between candles, oldest first, clipped to `window` if given.

    `open_times` are epoch ms in ascending order. They may lie off the grid, as some of 2017 and
    2018 do. A gap is half-open, from the first missing open time to that of the next candle. Time
    before the first or after the last candle is not a gap.
    """
    opened, width = np.fromiter(open_times, np.int64), interval.ms
    grid = _snap_to_grid(opened, interval)
    before = np.flatnonzero(np.diff(grid) > width)
    starts, ends = (grid[before] + width).tolist(), grid[before + 1].tolist()
    gaps = map(Window, starts, ends)
    if window is None:
        return list(gaps)
    return [clipped for gap in gaps if (clipped := gap & window)]


def mask_after_gaps(open_times: NDArray[np.int64], interval: Interval) -> NDArray[np.bool_]:
    """Return, for each candle, whether a gap lies between it and the candle before it."""
    after_gap = np.zeros(len(open_times), bool)
    after_gap[1:] = np.diff(_snap_to_grid(open_times, interval)) > interval.ms
    return after_gap


def split_at_gaps(
    open_times: NDArray[np.int64], interval: Interval, excluded: NDArray[np.bool_]
) -> list[slice]:
    """Return slices of rows without a gap and without an excluded row, in order."""
    starts = np.flatnonzero(mask_after_gaps(open_times, interval) | excluded)
    edges = [0, *starts.tolist(), len(open_times)]
    runs = []
    for start, end in pairwise(edges):
        first = start + bool(start < end and excluded[start])
        if first < end:
            runs.append(slice(first, end))
    return runs


def open_times_from_index(index: pd.Index) -> NDArray[np.int64]:
    """Return the times of a frame's index in epoch ms."""
    return pd.DatetimeIndex(index).as_unit("ms").asi8


def _snap_to_grid(open_times: NDArray[np.int64], interval: Interval) -> NDArray[np.int64]:
    return open_times - (open_times - interval.offset_ms) % interval.ms
