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


@lru_cache(maxsize=4096)
def stream_key(seed: int, *names: str) -> int:
    """A 64-bit key of the noise stream of that name."""
    text = "/".join((str(seed), *names)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def hashes(key: int, points: Ints) -> NDArray[np.uint64]:
    """One well mixed 64-bit word per point: splitmix64's output function over key + point."""
    z = points.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(key: int, points: Ints) -> Floats:
    """Evenly spread over [0, 1)."""
    return (hashes(key, points) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(key: int, points: Ints) -> Floats:
    """Close to the standard normal (a sum of four even 16-bit parts), never beyond ±3.5."""
    word = hashes(key, points)
    total = np.zeros(len(points), np.int64)
    for shift in (0, 16, 32, 48):
        total += ((word >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
    return (total - 131070).astype(np.float64) * float(sqrt(3.0) / 65536)


def power_of_e(exponent: Floats) -> Floats:
    """(1 + x/1024)^1024, which is e^x near enough for a shape, by products alone."""
    result = 1.0 + exponent / 1024
    for _ in range(10):
        result = result * result
    return result


def brownian(
    keys: tuple[int, int], share: float, points: Ints, pulse: Callable[[Ints], Floats]
) -> Floats:
    """A random walk at consecutive `points` (minutes), standard deviation about 1 a minute.

    It is built as Lévy's sum of tents: level j adds one of random height over each stretch of 2^j
    minutes. `keys` are a common and an own stream, `share` the part of the variance that is
    common; `pulse` says how lively the market is at given minutes, and scales the small tents.
    """
    mix = (sqrt(share), sqrt(1 - share))
    walk = _joined_knots(keys, mix, points)
    for level in range(_LEVELS, 0, -1):
        width = 1 << level
        index = points >> level
        stretches = np.arange(index[0], index[-1] + 1)
        height = _mixed(keys, mix, level, stretches) / sqrt(width)
        if level <= _PULSING_LEVELS:
            height *= pulse(stretches << level)
        place = points & (width - 1)
        walk += height[index - index[0]] * np.minimum(place, width - place)
    return walk


def _mixed(keys: tuple[int, int], mix: tuple[float, float], level: int, index: Ints) -> Floats:
    common, own = normal(keys[0] + level, index), normal(keys[1] + level, index)
    return common * mix[0] + own * mix[1]


def _joined_knots(keys: tuple[int, int], mix: tuple[float, float], points: Ints) -> Floats:
    """Straight lines through one random height every two years, as wide as a half year's walk."""
    index = points >> _LEVELS
    height = _mixed(keys, mix, 0, np.arange(index[0], index[-1] + 2))
    part = (points & ((1 << _LEVELS) - 1)) / (1 << _LEVELS)
    left = index - index[0]
    line: Floats = height[left] * (1 - part) + height[left + 1] * part
    return line * float(0.5 * sqrt(1 << _LEVELS))
