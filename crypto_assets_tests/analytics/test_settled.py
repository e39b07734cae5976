"""Values do not depend on how much is shown, nor on the scale of prices."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_assets.analytics.registry import find_providers, get_provider
from crypto_assets.market.intervals import Interval
from crypto_assets_tests.analytics.market_data import WRITTEN, answer, candles

# `test_talib_indicators` tests the generated ones.
SERIES = [name for name in WRITTEN if find_providers()[name].is_series]
OBJECTS = [name for name in WRITTEN if name not in SERIES]
INTERVALS = (Interval.M1, Interval.M15, Interval.H1, Interval.H12, Interval.D1, Interval.W1)


@pytest.mark.parametrize("name", SERIES)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    interval=st.sampled_from(INTERVALS),
    quiet=st.sampled_from([0.0, 0.3, 0.9]),
    price=st.sampled_from([60_000.0, 0.00001234]),
)
def test_values_do_not_depend_on_how_much_is_shown(
    name: str, seed: int, interval: Interval, quiet: float, price: float
) -> None:
    history = candles(3000, seed=seed, price=price, interval=interval, quiet=quiet, holes=True)
    other = candles(3000, seed=seed + 1, interval=interval, holes=True)
    provider = get_provider(name)
    params = provider.parse_params({})
    before = params.warm_up(interval)
    whole = answer(provider, history, params, interval=interval, companion=other)
    for shown in (5, 50, 500):
        read = history.iloc[-(shown + before) :]
        theirs = other[other.index >= read.index[0]]
        part = answer(provider, read, params, interval=interval, companion=theirs)
        assert isinstance(part, pd.DataFrame)
        for column, unit in provider.columns.items():
            scale = price if unit == "quote units" else 1
            pd.testing.assert_series_equal(
                part[column].iloc[-shown:],
                whole[column].iloc[-shown:],
                rtol=1e-9,
                atol=1e-9 * min(scale, 1),
            )


@pytest.mark.parametrize("name", [n for n in SERIES if n not in ("candlestick", "volume")])
def test_warm_up_is_not_far_more_than_needed(name: str) -> None:
    """With a third of the history, the first value shown differs or is undefined."""
    history = candles(4300, seed=11, quiet=0)
    provider = get_provider(name)
    params = provider.parse_params({})
    whole = answer(provider, history, params)
    read = history.iloc[-(5 + params.warm_up(Interval.M1) // 3) :]
    other = candles(4300, seed=99).iloc[-len(read) :]
    part = answer(provider, read, params, companion=other)
    gap = np.abs(part.iloc[-5] - whole.iloc[-5]).to_numpy()
    assert not (gap <= 1e-9).all()


@pytest.mark.parametrize("name", SERIES)
def test_scaled_prices_give_scaled_results(name: str) -> None:
    """Absolute epsilons in TA-Lib must not affect results at prices such as 0.00001234."""
    history = candles(700, seed=2, quiet=0.3)
    paid = [c for c in history if c in ("open", "high", "low", "close") or "quote" in c]
    provider = get_provider(name)
    wanted = answer(provider, history)
    for factor in (2.0**-32, 1e-9, 1e7):
        ours = answer(provider, history.assign(**{c: history[c] * factor for c in paid}))
        for column, unit in provider.columns.items():
            by = factor if unit == "quote units" else 1
            np.testing.assert_allclose(
                *(ours[column], wanted[column] * by),
                rtol=1e-9,
                atol=1e-9 * by,
                err_msg=f"{column} at {factor}",
            )


def test_providers_include_series_and_objects() -> None:
    assert len(SERIES) >= 13
    assert {"order_book", "price_distribution", "volume_profile"} <= set(OBJECTS)


def test_rsi_is_settled_after_a_long_quiet_range() -> None:
    """Large moves before 280 constant candles outweigh small ones after, so they must be read."""
    history = candles(1500, seed=6, price=1.0, quiet=0)
    close = history["close"].to_numpy().copy()
    close[-395:] = close[-395]
    close[-118:-115] *= [1 + 2e-6, 1, 1 + 1e-6]
    close[-115:] *= 1 + 1e-6
    history["close"] = close
    provider = get_provider("rsi")
    whole = answer(provider, history)
    read = history.iloc[-(5 + provider.parse_params({}).warm_up(Interval.M1)) :]
    part = answer(provider, read)
    np.testing.assert_allclose(part["rsi"].iloc[-5:], whole["rsi"].iloc[-5:], rtol=1e-9)
