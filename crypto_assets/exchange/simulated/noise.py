"""Reproducible noise: any point of it is computed from the seed directly, never from a neighbour.

Only operations that IEEE 754 rounds exactly are used (no library exp or log), so that the same
seed gives the same candles on every machine and for every way of cutting a range.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Random detail reaches from one minute up to two years; beyond, straight lines join the knots.
_LEVELS = 20
# A lively day widens moves of up to half a day; longer moves do not ask which day they cross.
_PULSING_LEVELS = 9

_PAIRS = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0xFFFFFFFF)
# Four even 16-bit parts: mean of their sum, and what makes its deviation 1.
_MEAN = 131070.0
_UNIT = sqrt(3.0) / 65536


@lru_cache(maxsize=4096)
def stream_key(seed: int, *names: str) -> int:
    """A 64-bit key of the noise stream of that name."""
    text = "/".join((str(seed), *names)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def hash_points(key: int | NDArray[np.uint64], points: Ints) -> NDArray[np.uint64]:
    """One well mixed 64-bit word per point: splitmix64's output function over key + point."""
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
    """Evenly spread over [0, 1)."""
    return (hash_points(key, points) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw_normal(key: int | NDArray[np.uint64], points: Ints) -> Floats:
    """Close to the standard normal (a sum of four even parts), never beyond ±3.5."""
    word = hash_points(key, points)
    pairs = (word & _PAIRS) + ((word >> np.uint64(16)) & _PAIRS)
    total = (pairs & _LOW_HALF) + (pairs >> np.uint64(32))
    return (total.astype(np.float64) - _MEAN) * _UNIT


def power_of_e(exponent: Floats) -> Floats:
    """(1 + x/1024)^1024, which is e^x near enough for a shape, by products alone."""
    result = exponent * 2.0**-10 + 1.0
    for _ in range(10):
        result *= result
    return result


def draw_brownian(
    keys: tuple[int, int], share: float, first: int, last: int, pulse: Callable[[Ints], Floats]
) -> Floats:
    """A random walk at first ≤ point ≤ last (minutes), standard deviation about 1 a minute.

    Lévy's construction: between two points 2^level apart, their middle lies at random around the
    mean. `keys` are a common and an own stream, `share` the part of the variance that is common;
    `pulse` says how lively the market is at given minutes, and scales the small steps.
    """
    levels = range(_LEVELS, 0, -1)
    stretches = [np.arange(first >> level, (last >> level) + 1) for level in levels]
    knots = np.arange(first >> _LEVELS, (last >> _LEVELS) + 2)
    heights = _draw_heights(keys, share, [knots, *stretches])
    small = _LEVELS - _PULSING_LEVELS
    starts = [index << level for level, index in zip(levels, stretches, strict=True)][small:]
    lively = np.split(pulse(np.concatenate(starts)), np.cumsum([len(s) for s in starts[:-1]]))
    for height, factor in zip(heights[1 + small :], lively, strict=True):
        height *= factor
    # Knots two years apart lie as wide apart as a half year's walk would.
    walk = heights[0] * (0.5 * sqrt(1 << _LEVELS))
    for level, height in zip(levels, heights[1:], strict=True):
        walk = _insert_midpoints(walk, height * (0.5 * sqrt(1 << level)))
        skip = (first >> (level - 1)) - 2 * (first >> level)
        count = (last >> (level - 1)) - (first >> (level - 1)) + 2
        walk = walk[skip : skip + count]
    return walk[: last - first + 1]


def _draw_heights(keys: tuple[int, int], share: float, indexes: list[Ints]) -> list[Floats]:
    """One random height per index of each level, the first list's being the knots'."""
    together = np.concatenate(indexes)
    sizes = [len(index) for index in indexes]
    offsets = np.repeat(np.arange(len(indexes), dtype=np.uint64), sizes) << np.uint64(32)
    common, own = (draw_normal(offsets + np.uint64(key), together) for key in keys)
    mixed = common * sqrt(share) + own * sqrt(1 - share)
    return np.split(mixed, np.cumsum(sizes[:-1]))


def _insert_midpoints(walk: Floats, deviation: Floats) -> Floats:
    """The walk with the middles of its steps in between."""
    finer = np.empty(2 * len(walk) - 1)
    finer[::2] = walk
    finer[1::2] = (walk[:-1] + walk[1:]) * 0.5 + deviation
    return finer
