"""Volume profile: how much was traded at which price."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from crypto_assets.analytics.distribution import bin_edges
from crypto_assets.analytics.provider import Panel, Params, provider


class VolumeProfileParams(Params):
    bins: int = Field(
        50, ge=1, le=500, description="bars between the lowest low and the highest high"
    )
    value_area: float = Field(
        0.7, gt=0, le=1, description="fraction of the volume in the value area"
    )


@dataclass(frozen=True)
class PriceBar:
    """Volume in base units traded between two prices; `buy_volume` was bought by takers."""

    low: float
    high: float
    volume: float
    buy_volume: float


@dataclass(frozen=True)
class VolumeProfile:
    """Prices in quote units; without volume the prices are NaN and there are no bars."""

    point_of_control: float
    value_area_low: float
    value_area_high: float
    volume: float
    bars: tuple[PriceBar, ...]


@provider(
    title="Volume profile", panel=Panel.ALONE, reads=("high", "low", "volume", "taker_buy_volume")
)
def volume_profile(candles: pd.DataFrame, params: VolumeProfileParams) -> VolumeProfile:
    """Volume by price, its point of control, and the area around it with 70 % of the volume.

    The volume of a candle is distributed evenly between its low and its high. The point of control
    is the middle of the bar with the most volume (of equal bars the lowest). From there the value
    area grows by the larger of its two neighbors (of equal ones the upper) until it contains
    `value_area` of all volume.
    Source: J. P. Steidlmayer, Market Profile. Depends on no earlier candles.
    """
    traded = candles[candles["volume"] > 0]
    if traded.empty:
        nan = float("nan")
        return VolumeProfile(nan, nan, nan, 0.0, ())
    edges = bin_edges(float(traded["low"].min()), float(traded["high"].max()), params.bins)
    volumes, buy_volumes = (
        _spread_over_prices(traded, traded[name].to_numpy(), edges)
        for name in ("volume", "taker_buy_volume")
    )
    first, last = _find_value_area(volumes, params.value_area)
    control = int(volumes.argmax())
    bounds = edges.tolist()
    return VolumeProfile(
        point_of_control=(bounds[control] + bounds[control + 1]) / 2,
        value_area_low=bounds[first],
        value_area_high=bounds[last + 1],
        volume=float(traded["volume"].sum()),
        bars=tuple(map(PriceBar, bounds[:-1], bounds[1:], volumes.tolist(), buy_volumes.tolist())),
    )


def _spread_over_prices(
    candles: pd.DataFrame, amounts: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Return how much of the candles' amounts falls between each two edges."""
    low, high = candles["low"].to_numpy(), candles["high"].to_numpy()
    height = high - low
    still = height == 0
    slope = np.divide(1.0, height, where=~still, out=np.zeros(len(height)))
    below = [
        amounts @ np.where(still, low < edge, np.clip((edge - low) * slope, 0, 1))
        for edge in edges[1:-1]
    ]
    return np.diff([0.0, *below, amounts.sum()])


def _find_value_area(volumes: np.ndarray, part: float) -> tuple[int, int]:
    """Return the first and the last bar of the area around the largest one."""
    first = last = int(volumes.argmax())
    target = part * volumes.sum()
    while volumes[first : last + 1].sum() < target and (first > 0 or last < len(volumes) - 1):
        lower = volumes[first - 1] if first > 0 else -1.0
        upper = volumes[last + 1] if last < len(volumes) - 1 else -1.0
        first, last = (first, last + 1) if upper >= lower else (first - 1, last)
    return first, last
