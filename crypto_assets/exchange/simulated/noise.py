"""Reproducible noise: each point is computed from the seed alone, not from its neighbor.

Only operations with exact IEEE 754 rounding are used (no exp or log of a library). The same seed
gives the same candles on every machine, however a range is divided.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from crypto_assets.exchange.simulated.array_types import Floats, Ints

# The noise has detail from one minute up to two years; beyond, straight lines join the knots.
_LEVELS = 20
# Market activity scales moves of up to half a day; longer moves are independent of it.
_PULSING_LEVELS = 9

_PAIRS = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
# For the sum of four uniform 16-bit parts: its mean, and the factor for a deviation of 1.
_MEAN = 131070.0
_UNIT = sqrt(3.0) / 65536


@lru_cache(maxsize=4096)
def stream_key(seed: int, *names: str) -> int:
    """Return the 64-bit key of a named noise stream."""
    text = "/".join((str(seed), *names)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def hash_points(key: int | NDArray[np.uint64], points: Ints) -> NDArray[np.uint64]:
    """Return a 64-bit hash per point: the output function of splitmix64 over key + point."""
    shift = key if isinstance(key, np.ndarray) else np.uint64(key)
    z = points.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z += shift
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def draw_uniform(key: int, points: Ints) -> Floats:
    """Draw from the uniform distribution over [0, 1)."""
    return (hash_points(key, points) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw_normal(key: int | NDArray[np.uint64], points: Ints) -> Floats:
    """Draw from about the standard normal distribution, within ±3.5: a sum of four parts."""
    word = hash_points(key, points)
    pairs = (word & _PAIRS) + ((word >> np.uint64(16)) & _PAIRS)
    total = (pairs & _LOW_HALF) + (pairs >> np.uint64(32))
    return (total.astype(np.float64) - _MEAN) * _UNIT


def power_of_e(exponent: Floats) -> Floats:
    """Return (1 + x/1024)^1024, an approximation of e^x by products alone."""
    result = exponent * 2.0**-10 + 1.0
    for _ in range(10):
        result *= result
    return result


def draw_brownian(
    keys: tuple[int, int], share: float, first: int, last: int, pulse: Callable[[Ints], Floats]
) -> Floats:
    """Return a random walk at first ≤ point ≤ last (minutes), deviation about 1 per minute.

    Lévy's construction: the middle of two points 2^level apart is their mean plus noise. `keys`
    are a common and an own stream, `share` is the common part of the variance. `pulse` returns the
    market activity at given minutes, which scales the small steps.
    """
    levels = range(_LEVELS, 0, -1)
    indexes = [np.arange(first >> level, (last >> level) + 1) for level in levels]
    knots = np.arange(first >> _LEVELS, (last >> _LEVELS) + 2)
    heights = _draw_heights(keys, share, [knots, *indexes])
    small = _LEVELS - _PULSING_LEVELS
    starts = [index << level for level, index in zip(levels, indexes, strict=True)][small:]
    lively = np.split(pulse(np.concatenate(starts)), np.cumsum([len(s) for s in starts[:-1]]))
    for height, factor in zip(heights[1 + small :], lively, strict=True):
        height *= factor
    # Knots two years apart differ as much as a walk of half a year.
    walk = heights[0] * (0.5 * sqrt(1 << _LEVELS))
    for level, height in zip(levels, heights[1:], strict=True):
        walk = _insert_midpoints(walk, height * (0.5 * sqrt(1 << level)))
        skip = (first >> (level - 1)) - 2 * (first >> level)
        count = (last >> (level - 1)) - (first >> (level - 1)) + 2
        walk = walk[skip : skip + count]
    return walk[: last - first + 1]


def _draw_heights(keys: tuple[int, int], share: float, indexes: list[Ints]) -> list[Floats]:
    """Return a random height per index of each level; the first list is that of the knots."""
    points = np.concatenate(indexes)
    sizes = [len(index) for index in indexes]
    offsets = np.repeat(np.arange(len(indexes), dtype=np.uint64), sizes) << np.uint64(32)
    common, separate = (draw_normal(offsets + np.uint64(key), points) for key in keys)
    mixed = common * sqrt(share) + separate * sqrt(1 - share)
    return np.split(mixed, np.cumsum(sizes[:-1]))


def _insert_midpoints(walk: Floats, deviation: Floats) -> Floats:
    """Insert the middle of each step into the walk."""
    finer = np.empty(2 * len(walk) - 1)
    finer[::2] = walk
    finer[1::2] = (walk[:-1] + walk[1:]) * 0.5 + deviation
    return finer
