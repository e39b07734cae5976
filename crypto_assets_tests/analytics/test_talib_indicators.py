"""The indicators generated from TA-Lib equal their definitions, wherever the candles begin."""

from collections.abc import Callable
from statistics import fmean, pstdev

import numpy as np
import pandas as pd
import pytest
import talib
from talib import abstract

from crypto_assets.analytics import Panel
from crypto_assets.analytics.provider import Provider
from crypto_assets.analytics.registry import get_provider
from crypto_assets.analytics.talib_functions import Memory, TalibParams
from crypto_assets.errors import WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets_tests.analytics.market_data import GENERATED, answer, candles
from crypto_assets_tests.analytics.reference import seeded_average, windows

NAN = float("nan")
Values = list[float]
# Whose value depends on one candle only.
SINGLE = {"avgprice", "bop", "medprice", "typprice", "wclprice"}
MARKETS = {
    "trading": candles(2600, seed=21, quiet=0.0),
    "quiet": candles(2600, seed=22, quiet=0.9),
    "cheap": candles(2600, seed=23, quiet=0.3, price=0.00001234),
}


def wma(frame: pd.DataFrame) -> Values:
    weights = range(1, 31)
    return [
        sum(w * x for w, x in zip(weights, window, strict=True)) / sum(weights) if window else NAN
        for window in windows(frame["close"].tolist(), 30)
    ]


def cci(frame: pd.DataFrame) -> Values:
    typical = ((frame["high"] + frame["low"] + frame["close"]) / 3).tolist()
    result = []
    for window in windows(typical, 14):
        mean = fmean(window) if window else NAN
        deviation = fmean(abs(x - mean) for x in window) if window else NAN
        result.append((window[-1] - mean) / (0.015 * deviation) if window else NAN)
    return result


def willr(frame: pd.DataFrame) -> Values:
    high, low = frame["high"].rolling(14).max(), frame["low"].rolling(14).min()
    return (-100 * (high - frame["close"]) / (high - low)).tolist()


def stddev(frame: pd.DataFrame) -> Values:
    return [pstdev(w) if w else NAN for w in windows(frame["close"].tolist(), 5)]


def dema(frame: pd.DataFrame) -> Values:
    """Twice the average, less the average of the average."""
    once = seeded_average(frame["close"].tolist(), 30, 2 / 31, 29)
    twice = [NAN] * 29 + seeded_average(once[29:], 30, 2 / 31, 29)
    return [2 * a - b for a, b in zip(once, twice, strict=True)]


def kama(frame: pd.DataFrame) -> Values:
    """Kaufman's average; its weight depends on how straight the last 30 moves were."""
    close = frame["close"].tolist()
    fast, slow = 2 / 3, 2 / 31
    value, result = close[29], [NAN] * 30
    for at in range(30, len(close)):
        path = sum(abs(close[i] - close[i - 1]) for i in range(at - 29, at + 1))
        ratio = abs(close[at] - close[at - 30]) / path
        value += (ratio * (fast - slow) + slow) ** 2 * (close[at] - value)
        result.append(value)
    return result


def natr(frame: pd.DataFrame) -> Values:
    """Wilder's average of the true range, in percent of the close."""
    before = frame["close"].shift()
    ranges = np.maximum(frame["high"], before) - np.minimum(frame["low"], before)
    averages = seeded_average(ranges.tolist(), 14, 1 / 14, 14)
    return [100 * a / c for a, c in zip(averages, frame["close"], strict=True)]


FORMULAS: dict[str, Callable[[pd.DataFrame], Values]] = {
    "cci": cci,
    "dema": dema,
    "kama": kama,
    "natr": natr,
    "stddev": stddev,
    "willr": willr,
    "wma": wma,
}


@pytest.mark.parametrize("price", [60_000.0, 0.00001234])
@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_definition(name: str, price: float) -> None:
    frame = candles(400, seed=5, price=price, quiet=0)
    ours = answer(get_provider(name), frame)[name].to_numpy()
    wanted = np.array(FORMULAS[name](frame))
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(wanted))
    np.testing.assert_allclose(ours, wanted, rtol=1e-8, atol=1e-9 * min(price, 1))


def test_at_least_forty_are_generated() -> None:
    assert len(GENERATED) >= 40
    assert not {"sma", "ema", "rsi", "macd", "bbands", "atr", "obv", "stoch"} & set(GENERATED)


@pytest.mark.parametrize("market", MARKETS)
def test_values_equal_those_over_all_history(market: str, subtests: pytest.Subtests) -> None:
    """With the candles that `warm_up` asks for, the values shown are those over all candles."""
    history = MARKETS[market]
    for name in GENERATED:
        with subtests.test(name):
            provider = get_provider(name)
            params = provider.parse_params({})
            whole = answer(provider, history, params).iloc[-20:]
            read = history.iloc[-(20 + params.warm_up(Interval.M1)) :]
            part = answer(provider, read, params).iloc[-20:]
            scale = history["close"].iloc[0] if "quote units" in provider.columns.values() else 1.0
            pd.testing.assert_frame_equal(part, whole, rtol=1e-9, atol=1e-9 * min(scale, 1.0))
            if market == "trading":
                assert whole.notna().to_numpy().all()


def test_the_first_values_are_undefined_and_a_gap_starts_them_again(
    subtests: pytest.Subtests,
) -> None:
    frame = MARKETS["trading"].iloc[:500]
    runs = [frame.iloc[:240], frame.iloc[241:]]
    for name in sorted({*GENERATED} - SINGLE):
        with subtests.test(name):
            provider = get_provider(name)
            function = abstract.Function(name.upper())
            values = answer(provider, pd.concat(runs))
            for run in runs:
                alone = answer(provider, run)
                pd.testing.assert_frame_equal(values.loc[run.index], alone)
                undefined = alone.isna().all(axis=1).to_numpy()
                assert undefined[: function.lookback].all() and not undefined[function.lookback]


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_a_value_of_one_candle_needs_no_history(name: str) -> None:
    provider = get_provider(name)
    assert provider.parse_params({}).warm_up(Interval.M1) == 0 and not provider.looks_back
    frame = MARKETS["trading"].iloc[[5, 90]]
    assert answer(provider, frame).notna().to_numpy().all()


def test_partial_candles_count_if_only_closes_are_read(subtests: pytest.Subtests) -> None:
    frame = MARKETS["trading"].iloc[:300]
    partial = frame.assign(partial=frame.index == frame.index[0])
    for name in GENERATED:
        with subtests.test(name):
            provider = get_provider(name)
            inputs = abstract.Function(name.upper()).input_names
            takes_partial = name in SINGLE or list(inputs.values()) == ["close"]
            wanted = answer(provider, frame if takes_partial else frame.iloc[1:])
            pd.testing.assert_frame_equal(answer(provider, partial), wanted.reindex(frame.index))


def test_scaled_prices_give_scaled_results(subtests: pytest.Subtests) -> None:
    history, factor = MARKETS["trading"].iloc[:1500], 2.0**-32
    paid = [c for c in history if c in ("open", "high", "low", "close") or "quote" in c]
    cheap = history.assign(**{c: history[c] * factor for c in paid})
    for name in GENERATED:
        with subtests.test(name):
            provider = get_provider(name)
            values, scaled = answer(provider, history), answer(provider, cheap)
            for column, unit in provider.columns.items():
                by = factor if unit == "quote units" else 1.0
                wanted = values[column] * by
                np.testing.assert_array_equal(scaled[column], wanted, err_msg=column)


def test_parameters_have_the_bounds_of_talib(subtests: pytest.Subtests) -> None:
    for name in GENERATED:
        provider = get_provider(name)
        for period, field in provider.params.model_fields.items():
            if isinstance(field.default, int):
                with subtests.test(name, period=period):
                    assert provider.parse_params({period: 500}).warm_up(Interval.H1) > 0
                    with pytest.raises(
                        WrongUse, match=rf"{name}: {period} must be [12] to 500, not 501"
                    ):
                        provider.parse_params({period: 501})
                    with pytest.raises(WrongUse, match=rf"{period} must be"):
                        provider.parse_params({period: 0})


def test_a_function_is_drawn_where_its_scale_fits() -> None:
    assert get_provider("kama").panel is Panel.PRICE
    assert get_provider("cci").panel is Panel.BELOW
    assert get_provider("kc").band == ("upper", "lower")
    assert get_provider("ao").bars == ("ao",)
    assert get_provider("aroon").format_legend(_default(get_provider("aroon")), Interval.H1) == (
        "AROON 14"
    )


def test_talib_poisons_values_after_nan_so_gaps_must_split_runs() -> None:
    """What would happen if a gap were filled with NaN."""
    close = MARKETS["trading"]["close"].iloc[:100].to_numpy().copy()
    close[50] = np.nan
    assert np.isnan(talib.KAMA(close, 10)[50:]).all()


def test_settling_is_declared_for_every_function_with_memory() -> None:
    """TA-Lib flags most functions whose values depend on where the input begins."""
    for name in GENERATED:
        params = get_provider(name).params
        flags = abstract.Function(name.upper()).function_flags
        if {"Function has an unstable period", "Output is path-dependent"} & set(flags):
            assert issubclass(params, TalibParams) and params.spec.memory is not Memory.NONE, name


def _default(provider: Provider[pd.DataFrame]) -> TalibParams:
    params = provider.parse_params({})
    assert isinstance(params, TalibParams)
    return params
