"""Distributions: a histogram, moments and quantiles, as numpy and scipy define them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Bin:
    """Values from `low` up to `high`, exclusive; the last bin includes its upper edge."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Distribution:
    """Population moments, as `numpy.std`, `scipy.stats.skew` and `scipy.stats.kurtosis`.

    `kurtosis` is the excess over the 3 of the normal distribution. Quantiles are interpolated
    linearly. Moments and quantiles are NaN without values; skew and kurtosis also if all values are
    equal. `left_out` is how many values do not count, such as returns across a gap.
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
    left_out: int = 0


def compute_distribution(values: np.ndarray, bins: int, left_out: int = 0) -> Distribution:
    """Compute the distribution of finite values in `bins` bins of equal width."""
    if not values.size:
        nan = float("nan")
        no_quantiles = {f"{q}": nan for q in QUANTILES}
        return Distribution(0, nan, nan, nan, nan, nan, nan, no_quantiles, (), left_out)
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
        left_out=left_out,
    )


def bin_edges(low: float, high: float, bins: int) -> np.ndarray:
    """Return `bins + 1` equally spaced edges, or 2 if doubles are too coarse for so many bins."""
    width = (high - low) / bins
    if width <= 4 * np.spacing(max(abs(low), abs(high))):
        return np.array([low, high])
    return np.linspace(low, high, bins + 1)


def _standard_moment(values: np.ndarray, mean: float, std: float, order: int) -> float:
    # Deviations as small as rounding errors have no meaningful moment; scipy has the same limit.
    if std <= np.finfo(float).eps * abs(mean):
        return float("nan")
    return float((((values - mean) / std) ** order).mean())


def _build_bins(values: np.ndarray, bins: int) -> tuple[Bin, ...]:
    edges = bin_edges(float(values.min()), float(values.max()), bins)
    # numpy widens a range of one point by 0.5 on each side, far more than a price of 0.00001234.
    counts = np.histogram(values, edges)[0] if len(edges) > 2 else np.array([values.size])
    bounds = edges.tolist()
    return tuple(map(Bin, bounds[:-1], bounds[1:], counts.tolist()))
