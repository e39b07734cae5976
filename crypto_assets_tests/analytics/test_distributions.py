"""Distributions and the volume profile equal numpy, scipy and hand-computed values."""

import math

import numpy as np
import pandas as pd
import pytest

from crypto_assets.analytics import get_provider
from crypto_assets.analytics.distribution import Distribution
from crypto_assets.analytics.providers.volume_profile import VolumeProfile
from crypto_assets_tests.analytics.market_data import answer, candles, flat


def price_distribution(frame: pd.DataFrame, bins: int = 50) -> Distribution:
    provider = get_provider("price_distribution")
    result = answer(provider, frame, provider.parse_params({"bins": bins}))
    assert isinstance(result, Distribution)
    return result


def volume_profile(frame: pd.DataFrame, **params: float) -> VolumeProfile:
    provider = get_provider("volume_profile")
    result = answer(provider, frame, provider.parse_params(params))
    assert isinstance(result, VolumeProfile)
    return result


def values_of(name: str, frame: pd.DataFrame) -> np.ndarray:
    close = frame["close"].to_numpy()
    return close if name == "price_distribution" else np.diff(np.log(close))


@pytest.mark.parametrize("price", [60_000.0, 0.00001234])
@pytest.mark.parametrize("name", ["price_distribution", "return_distribution"])
def test_statistics_equal_numpy_and_scipy(name: str, price: float) -> None:
    from scipy import stats  # half a second, which other tests need not wait for

    frame = candles(777, seed=4, price=price)
    ours, values = answer(get_provider(name), frame), values_of(name, frame)
    assert ours.count == len(values)
    wanted = [values.mean(), values.std(), values.min(), values.max()]
    assert [ours.mean, ours.std, ours.minimum, ours.maximum] == pytest.approx(wanted, rel=1e-10)
    assert ours.skew == pytest.approx(stats.skew(values), abs=1e-8)
    assert ours.kurtosis == pytest.approx(stats.kurtosis(values), abs=1e-8)
    for level, value in ours.quantiles.items():
        assert value == pytest.approx(np.quantile(values, float(level)), rel=1e-10)
    counts, edges = np.histogram(values, 50)
    assert [b.count for b in ours.bins] == counts.tolist()
    assert [b.low for b in ours.bins] == pytest.approx(edges[:-1].tolist())
    assert [b.high for b in ours.bins] == pytest.approx(edges[1:].tolist())


def test_one_price_is_one_bin() -> None:
    ours = price_distribution(flat(10))
    (only,) = ours.bins
    assert (only.low, only.high, only.count) == (0.00001234, 0.00001234, 10)
    assert ours.std == pytest.approx(0, abs=1e-18)
    assert math.isnan(ours.skew) and math.isnan(ours.kurtosis)


def test_neighbouring_doubles_are_one_bin() -> None:
    frame = flat(2, price="60000")
    frame.loc[frame.index[1], "close"] = np.nextafter(60_000, 1e9)
    assert len(price_distribution(frame).bins) == 1


def test_a_single_candle_has_no_return() -> None:
    ours = answer(get_provider("return_distribution"), candles(1))
    assert ours.count == 0 and ours.bins == () and math.isnan(ours.mean)


def bars(*rows: tuple[float, float, float]) -> pd.DataFrame:
    """Return candles with these lows, highs and volumes; takers bought a quarter."""
    low, high, volume = map(list, zip(*rows, strict=True))
    frame = candles(len(rows)).assign(low=low, high=high, close=high, volume=volume)
    return frame.assign(taker_buy_volume=frame["volume"] / 4)


def test_volume_is_distributed_from_low_to_high() -> None:
    profile = volume_profile(bars((0, 10, 10), (2, 4, 6), (7, 7, 5), (10, 10, 1)), bins=5)
    assert [bar.volume for bar in profile.bars] == pytest.approx([2, 8, 2, 7, 3])
    assert [bar.buy_volume for bar in profile.bars] == pytest.approx([0.5, 2, 0.5, 1.75, 0.75])
    assert [(bar.low, bar.high) for bar in profile.bars][:2] == [(0, 2), (2, 4)]
    assert profile.point_of_control == 3
    assert profile.volume == 22


def test_value_area_grows_to_the_larger_neighbour() -> None:
    rows = [(i + 0.5, i + 0.5, v) for i, v in enumerate((1, 3, 10, 4, 5, 2))]
    frame = bars((0, 0, 1e-9), *rows, (6, 6, 1e-9))
    profile = volume_profile(frame, bins=6)
    # 10, then 4 above (3 below), then 5 above: 19 of 25 is the first to reach 70 %.
    assert profile.point_of_control == 2.5
    assert (profile.value_area_low, profile.value_area_high) == (2, 5)
    whole = volume_profile(frame, bins=6, value_area=1)
    assert (whole.value_area_low, whole.value_area_high) == (0, 6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_value_area_is_minimal_and_contains_its_part(seed: int, part: float) -> None:
    frame = candles(300, seed=seed, price=0.00001234, holes=True)
    profile = volume_profile(frame, value_area=part)
    low, high = profile.value_area_low, profile.value_area_high
    inside = [bar for bar in profile.bars if low <= bar.low and bar.high <= high]
    assert low <= profile.point_of_control <= high
    volume = sum(bar.volume for bar in inside)
    assert volume >= part * profile.volume * (1 - 1e-12)
    # The bar added last is at one of the two ends; without it the volume was too small.
    assert volume - max(inside[0].volume, inside[-1].volume) < part * profile.volume
    assert sum(bar.volume for bar in profile.bars) == pytest.approx(frame["volume"].sum())
    assert max(bar.volume for bar in profile.bars) == next(
        bar.volume for bar in profile.bars if bar.low < profile.point_of_control < bar.high
    )


def test_profile_of_one_price_is_one_bar() -> None:
    profile = volume_profile(flat(5, volume="2"))
    (only,) = profile.bars
    assert (only.low, only.high, only.volume) == (0.00001234, 0.00001234, 10)
    assert profile.point_of_control == 0.00001234


def test_profile_without_volume_has_no_bars() -> None:
    profile = volume_profile(flat(5))
    assert profile.bars == () and math.isnan(profile.point_of_control)


def test_the_return_across_a_gap_is_left_out_by_hand() -> None:
    """Closes 100, 110, then two missing candles, 220, 198: the jump to 220 is no return."""
    frame = candles(6, quiet=0).iloc[[0, 1, 4, 5]].assign(close=[100.0, 110.0, 220.0, 198.0])
    found = answer(get_provider("return_distribution"), frame)
    assert (found.count, found.left_out) == (2, 1)
    assert found.minimum == pytest.approx(-0.105360515657826)
    assert found.maximum == pytest.approx(0.0953101798043249)
    assert found.mean == pytest.approx((0.0953101798043249 - 0.105360515657826) / 2)
