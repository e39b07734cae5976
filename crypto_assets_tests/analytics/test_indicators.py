"""Indicators equal an independent implementation and published series."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crypto_assets.analytics import get_provider
from crypto_assets.market.intervals import Interval
from crypto_assets_tests.analytics import reference
from crypto_assets_tests.analytics.market_data import answer, candles

PRICES = (60_000.0, 1.0, 0.00001234)


def compute(name: str, frame: pd.DataFrame, **params: Any) -> pd.DataFrame:
    provider = get_provider(name)
    result = answer(provider, frame, provider.parse_params(params))
    assert isinstance(result, pd.DataFrame)
    return result


def expected(name: str, frame: pd.DataFrame) -> dict[str, list[float]]:
    """Return the values of the reference for the parameters in `PARAMS`."""
    close = frame["close"].tolist()
    match name:
        case "sma":
            return {"sma": reference.sma(close, 20)}
        case "ema":
            return {"ema": reference.ema(close, 20)}
        case "rsi":
            return {"rsi": reference.rsi(close, 14)}
        case "macd":
            line, signal = reference.macd(close, 12, 26, 9)
            return {"macd": line, "signal": signal, "histogram": np.subtract(line, signal)}
        case "bollinger":
            bands = reference.bollinger(close, 20, 2.5)
            return dict(zip(("upper", "middle", "lower"), bands, strict=True))
        case "atr":
            return {"atr": reference.atr(frame, 14)}
        case "stochastic":
            k, d = reference.stochastic(frame, 14, 3, 3)
            return {"k": k, "d": d}
        case "volatility":
            return {"volatility": reference.volatility(close, 30, 365 * 24 * 60)}
        case "drawdown":
            return {"drawdown": [c / max(close[: i + 1]) - 1 for i, c in enumerate(close)]}
    raise KeyError(name)


PARAMS: dict[str, dict[str, Any]] = {
    "sma": {"period": 20},
    "ema": {"period": 20},
    "rsi": {"period": 14},
    "macd": {},
    "bollinger": {"period": 20, "std": 2.5},
    "atr": {"period": 14},
    "stochastic": {},
    "volatility": {"window": 30},
    "drawdown": {"window": 500},
}


@pytest.mark.parametrize("price", PRICES)
@pytest.mark.parametrize("name", PARAMS)
def test_equals_the_reference(name: str, price: float) -> None:
    frame = candles(400, seed=3, price=price)
    assert_equal(name, compute(name, frame, **PARAMS[name]), expected(name, frame), price)


@pytest.mark.parametrize("name", PARAMS)
def test_starts_again_after_a_gap(name: str) -> None:
    """After one missing candle or many; each run is computed separately."""
    frame, price = candles(500, seed=4), PRICES[0]
    runs = [frame.iloc[0:150], frame.iloc[151:160], frame.iloc[200:500]]
    parts = [expected(name, run) for run in runs]
    wanted = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
    assert_equal(name, compute(name, pd.concat(runs), **PARAMS[name]), wanted, price)


def assert_equal(name: str, ours: pd.DataFrame, wanted: dict[str, Any], price: float) -> None:
    for column, values in wanted.items():
        scale = price if get_provider(name).columns[column] == "quote units" else 1
        np.testing.assert_allclose(ours[column], values, rtol=1e-8, atol=1e-10 * scale)
    assert set(ours) == set(wanted)


def test_a_long_flat_range_keeps_the_digits_of_a_low_price() -> None:
    """After 100 constant candles the averages are so small that absolute epsilons matter."""
    frame = candles(200, seed=1, price=0.00001234, quiet=0)
    frame.iloc[100:, frame.columns.get_loc("close")] = frame["close"].iloc[99]
    np.testing.assert_allclose(
        compute("rsi", frame)["rsi"], reference.rsi(frame["close"].tolist(), 14), rtol=1e-8
    )


def test_obv_and_vwap_start_again_each_utc_day_and_after_a_gap() -> None:
    frame = candles(4000, seed=5, holes=True)
    days = frame.index.normalize()
    starts = {frame.index[i] for i in range(1, len(frame)) if days[i] != days[i - 1]}
    jumps = frame["open_time"].diff() > Interval.M1.ms
    assert len(starts) == 2 and jumps.sum() > 20
    obv, vwap = reference.running(frame, starts, set(frame.index[jumps]))
    np.testing.assert_allclose(compute("obv", frame)["obv"], obv, atol=1e-8)
    np.testing.assert_allclose(compute("vwap", frame)["vwap"], vwap, rtol=1e-12)


def test_traded_vwap_is_the_price_paid() -> None:
    frame = candles(100, quiet=0)
    paid = frame["quote_volume"].cumsum() / frame["volume"].cumsum()
    np.testing.assert_allclose(compute("vwap", frame, price="traded")["vwap"], paid, rtol=1e-12)


def test_correlation_equals_numpy() -> None:
    ours, theirs = candles(300, seed=1), candles(300, seed=2)
    theirs["close"] = (theirs["close"] * ours["close"]) ** 0.5
    provider = get_provider("correlation")
    params = provider.parse_params({"with": "ETHUSDT", "window": "30"})
    result = answer(provider, ours, params, companion=theirs)
    wanted = reference.correlation(ours["close"].tolist(), theirs["close"].tolist(), 30)
    np.testing.assert_allclose(result["correlation"], wanted, rtol=1e-8)


def test_volatility_is_scaled_to_a_year_of_365_days() -> None:
    frame = candles(100, interval=Interval.D1)
    provider = get_provider("volatility")
    daily = answer(provider, frame, interval=Interval.D1)["volatility"].iloc[-1]
    returns = np.diff(np.log(frame["close"].to_numpy()))[-30:]
    assert daily == pytest.approx(returns.std(ddof=1) * 365**0.5, rel=1e-10)


# StockCharts, ChartSchool: the worked examples of "Relative Strength Index" and "Moving Averages".
RSI_CLOSES = """
    44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931
    46.0328 45.6140 46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521
    45.7137 46.4515 45.7835 45.3548 44.0288 44.1783 44.2181 44.5672 43.4205 42.6628 43.1314
"""
RSI_14 = """
    70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87
    45.46 37.30 33.08 37.77
"""
EMA_CLOSES = """
    22.2734 22.1940 22.0847 22.1741 22.1840 22.1344 22.2337 22.4323 22.2436 22.2933 22.1542
    22.3926 22.3816 22.6109 23.3558 24.0519 23.7530 23.8324 23.9516 23.6338 23.8225 23.8722
    23.6537 23.1870 23.0976 23.3260 22.6805 23.0976 22.4025 22.1725
"""
EMA_10 = """
    22.22 22.21 22.24 22.27 22.33 22.52 22.80 22.97 23.13 23.28 23.34 23.43 23.51 23.54 23.47
    23.40 23.39 23.26 23.23 23.08 22.92
"""


PUBLISHED = [
    pytest.param("rsi", 14, RSI_CLOSES, RSI_14, id="rsi"),
    pytest.param("ema", 10, EMA_CLOSES, EMA_10, id="ema"),
]


@pytest.mark.parametrize(("name", "period", "closes", "values"), PUBLISHED)
def test_equals_a_published_series(name: str, period: int, closes: str, values: str) -> None:
    close = np.array(closes.split(), float)
    frame = candles(len(close)).assign(close=close)
    ours = compute(name, frame, period=period)[name].dropna()
    np.testing.assert_allclose(ours, np.array(values.split(), float), atol=0.0051)
