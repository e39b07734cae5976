"""Every provider has its documented result for unusual market data."""

import math
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crypto_assets.analytics import frame_from_table
from crypto_assets.analytics.registry import find_providers, get_provider
from crypto_assets.market.candles import CANDLE_SCHEMA
from crypto_assets.market.intervals import Interval
from crypto_assets_tests.analytics.market_data import GROUPS, WRITTEN, answer, candles, flat

OBJECTS = {name for name, provider in find_providers().items() if not provider.is_series}
EMPTY = frame_from_table(CANDLE_SCHEMA.empty_table())
HOLED = candles(1200, seed=8).drop(candles(1200).index[700:780])
FRAMES = {
    "empty": EMPTY,
    "one": candles(1),
    "three": candles(3),
    "constant price": flat(900, volume="5"),
    "constant without volume": flat(900),
    "quiet at a cheap price": candles(900, price=0.00001234, quiet=0.95),
    "with an outage": HOLED,
    "at the newest end of an outage": HOLED.iloc[690:705],
}


def plain(value: Any) -> list[Any]:
    """Return every number in a result."""
    if isinstance(value, pd.DataFrame):
        return value.to_numpy(dtype=float).ravel().tolist()
    if isinstance(value, dict):
        return [x for part in value.values() for x in plain(part)]
    if isinstance(value, (list, tuple)):
        return [x for part in value for x in plain(part)]
    return [value] if isinstance(value, (int, float)) else []


@pytest.mark.parametrize("group", GROUPS)
def test_results_are_finite_or_nan_on_existing_candles(
    group: str, subtests: pytest.Subtests
) -> None:
    for name, (kind, frame) in product(GROUPS[group], FRAMES.items()):
        with subtests.test(name, kind=kind):
            provider = get_provider(name)
            result = answer(provider, frame, companion=frame)
            if provider.is_series:
                assert list(result.columns) == list(provider.columns)
                pd.testing.assert_index_equal(result.index, frame.index)
            numbers = plain(result if provider.is_series else asdict(result))
            assert not any(math.isinf(number) for number in numbers)


@pytest.mark.parametrize("name", [n for n in WRITTEN if find_providers()[n].is_series])
def test_is_defined_at_every_interval(name: str, subtests: pytest.Subtests) -> None:
    provider = get_provider(name)
    params = provider.parse_params({})
    for interval in Interval:
        with subtests.test(interval=interval):
            frame = candles(params.warm_up(interval) + 5, interval=interval, quiet=0)
            result = answer(provider, frame, params, interval=interval)
            assert np.isfinite(result.iloc[-5:].to_numpy(dtype=float)).all()


# Documented values for 900 candles of one price with volume 5.
CONSTANT: dict[str, dict[str, float]] = {
    "sma": {"sma": 0.00001234},
    "ema": {"ema": 0.00001234},
    "bollinger": {"upper": 0.00001234, "middle": 0.00001234, "lower": 0.00001234},
    "macd": {"macd": 0, "signal": 0, "histogram": 0},
    "atr": {"atr": 0},
    "rsi": {"rsi": math.nan},
    "stochastic": {"k": math.nan, "d": math.nan},
    "obv": {"obv": 0},
    "vwap": {"vwap": 0.00001234},
    "volatility": {"volatility": 0},
    "drawdown": {"drawdown": 0},
    "correlation": {"correlation": math.nan},
}


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_price(name: str) -> None:
    frame = FRAMES["constant price"]
    last = answer(get_provider(name), frame, companion=frame).iloc[-1].to_dict()
    assert last == pytest.approx(CONSTANT[name], rel=1e-12, abs=1e-18, nan_ok=True)


def test_vwap_is_undefined_until_something_is_traded() -> None:
    frame = flat(3)
    frame.loc[frame.index[2], "volume"] = 4.0
    values = answer(get_provider("vwap"), frame)["vwap"].tolist()
    assert values == [pytest.approx(math.nan, nan_ok=True)] * 2 + [pytest.approx(0.00001234)]


@pytest.mark.parametrize("group", [n for n in GROUPS if n not in OBJECTS])
def test_candles_before_an_outage_do_not_affect_values_after_it(
    group: str, subtests: pytest.Subtests
) -> None:
    after = HOLED.index.get_loc(candles(1200).index[780])
    assert isinstance(after, int)
    for name in GROUPS[group]:
        with subtests.test(name):
            whole = answer(get_provider(name), HOLED, companion=HOLED).iloc[after:]
            alone = answer(get_provider(name), HOLED.iloc[after:], companion=HOLED)
            pd.testing.assert_frame_equal(whole, alone)


def test_an_average_is_undefined_until_enough_candles_follow_an_outage() -> None:
    values = answer(get_provider("sma"), HOLED, get_provider("sma").parse_params({"period": 20}))[
        "sma"
    ]
    assert values.index[values.isna()].tolist() == [*HOLED.index[:19], *HOLED.index[700:719]]


@pytest.mark.parametrize("name", ["return_distribution", "correlation_matrix"])
def test_a_return_across_an_outage_does_not_count(name: str) -> None:
    """The price doubles across the outage, more than in any single candle."""
    frame = HOLED.copy()
    frame.iloc[700:, frame.columns.get_loc("close")] *= 2
    found = answer(get_provider(name), frame, companion=frame)
    if name == "return_distribution":
        assert (found.count, found.maximum < 0.1) == (len(frame) - 2, True)
        assert found.left_out == 1
    else:
        assert found.pairs == ((len(frame) - 2,) * 2,) * 2


def test_open_times_off_the_grid_are_not_gaps() -> None:
    """As in 2017 and 2018, when some candles opened seconds after the minute."""
    frame = candles(100, quiet=0)
    late = frame.assign(open_time=frame["open_time"] + np.arange(100) * 599)
    late.index = pd.to_datetime(late["open_time"], unit="ms", utc=True).rename("time")
    assert answer(get_provider("return_distribution"), late).count == 99
    assert answer(get_provider("sma"), late)["sma"].notna().sum() == 81


# Providers by how they treat candles whose beginning is not stored.
CLOSES_ALONE = {
    *("sma", "ema", "rsi", "macd", "bollinger", "volatility", "drawdown", "correlation"),
    *("correlation_matrix", "price_distribution", "return_distribution"),
}
SHOWN_AS_THEY_ARE = {"candlestick", "volume"}


@pytest.mark.parametrize("name", [n for n in WRITTEN if find_providers()[n].reads])
def test_partial_candles_count_if_only_closes_are_read(name: str) -> None:
    frame, provider = candles(1200, quiet=0), get_provider(name)
    partial = frame.assign(partial=frame.index == frame.index[0])
    taken = CLOSES_ALONE | SHOWN_AS_THEY_ARE
    wanted = frame if name in taken else frame.iloc[1:]
    found, expected = (answer(provider, one, companion=frame) for one in (partial, wanted))
    if provider.is_series:
        pd.testing.assert_frame_equal(found, expected.reindex(frame.index))
    else:
        assert found == expected


def test_rsi_is_undefined_after_a_long_constant_price() -> None:
    """Wherever the window starts; TA-Lib would repeat the last value or return 0."""
    frame = candles(700, quiet=0)
    frame.loc[frame.index[300:], "close"] = frame["close"].iloc[300]
    params = get_provider("rsi").parse_params({})
    values = answer(get_provider("rsi"), frame, params)["rsi"]
    assert values.iloc[300 + params.quiet_candles - 1] > 0
    assert values.iloc[300 + params.quiet_candles :].isna().all()
    late = answer(get_provider("rsi"), frame.iloc[320:], params)["rsi"]
    assert late.isna().all()


def test_stochastic_is_undefined_if_a_window_has_no_range() -> None:
    frame = candles(100, quiet=0)
    price = frame["close"].iloc[39]
    frame.loc[frame.index[40:60], ["open", "high", "low", "close"]] = price
    values = answer(get_provider("stochastic"), frame)
    # Windows of 14 are completely flat at 53 to 59; k uses 3 of them, d 5.
    flat_k = values["k"].isna().to_numpy().nonzero()[0]
    flat_d = values["d"].isna().to_numpy().nonzero()[0]
    assert flat_k[flat_k > 20].tolist() == list(range(53, 62))
    assert flat_d[flat_d > 20].tolist() == list(range(53, 64))
