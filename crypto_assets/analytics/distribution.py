"""How often each value occurs: a histogram and the moments, as numpy and scipy define them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Bin:
    """Values from `low` up to `high`, exclusive (the last bin holds its upper edge too)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Distribution:
    """Moments are the population's: `numpy.std`, `scipy.stats.skew` and `kurtosis` by default.

    `kurtosis` is the excess over the normal distribution's 3; quantiles are interpolated linearly.
    Without values all moments and quantiles are NaN; skew and kurtosis are too where all values are
    the same.
    """

    count: int
    mean: float
    std: float
    skew: float
    kurtosis: float
    minimum: float
    maximum: float
    quantiles: Mapping[str, float]
    bins: tuple[Bin, ...]


def compute_distribution(values: np.ndarray, bins: int) -> Distribution:
    """The distribution of finite values, in any order, in `bins` bins of equal width."""
    if not values.size:
        nan = float("nan")
        nothing = {f"{q}": nan for q in QUANTILES}
        return Distribution(0, nan, nan, nan, nan, nan, nan, nothing, ())
    mean, std = float(values.mean()), float(values.std())
    quantiles = np.quantile(values, QUANTILES).tolist()
    return Distribution(
        count=values.size,
        mean=mean,
        std=std,
        skew=_standard_moment(values, mean, std, 3),
        kurtosis=_standard_moment(values, mean, std, 4) - 3,
        minimum=float(values.min()),
        maximum=float(values.max()),
        quantiles={f"{q}": value for q, value in zip(QUANTILES, quantiles, strict=True)},
        bins=_build_bins(values, bins),
    )


def bin_edges(low: float, high: float, bins: int) -> np.ndarray:
    """`bins + 1` edges of equal distance; two where doubles cannot tell so many bins apart."""
    width = (high - low) / bins
    if width <= 4 * np.spacing(max(abs(low), abs(high))):
        return np.array([low, high])
    return np.linspace(low, high, bins + 1)


def _standard_moment(values: np.ndarray, mean: float, std: float, order: int) -> float:
    # Deviations of the size of rounding errors have no shape; scipy draws the same line.
    if std <= np.finfo(float).eps * abs(mean):
        return float("nan")
    return float((((values - mean) / std) ** order).mean())


def _build_bins(values: np.ndarray, bins: int) -> tuple[Bin, ...]:
    edges = bin_edges(float(values.min()), float(values.max()), bins)
    # numpy widens a range of one point by a half on each side, which means nothing at 0.00001234.
    counts = np.histogram(values, edges)[0] if len(edges) > 2 else np.array([values.size])
    bounds = edges.tolist()
    return tuple(map(Bin, bounds[:-1], bounds[1:], counts.tolist()))
