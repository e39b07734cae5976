"""Correlation across gaps, of a symbol with itself, and of many symbols."""

import math

import numpy as np
import pandas as pd
import pytest

from crypto_assets.analytics import Input, get_provider
from crypto_assets.analytics.providers.correlation_matrix import CorrelationMatrix
from crypto_assets.errors import UnknownSymbol
from crypto_assets.market.intervals import Interval
from crypto_assets_tests.analytics.market_data import answer, candles, flat


def matrix(others: dict[str, pd.DataFrame], **params: object) -> CorrelationMatrix:
    provider = get_provider("correlation_matrix")
    supplied = {Input.COMPANIONS: others, Input.INTERVAL: Interval.M1}
    result = provider.compute(provider.parse_params(params), supplied)
    assert isinstance(result, CorrelationMatrix)
    return result


def test_with_itself_is_one() -> None:
    frame = candles(100, quiet=0)
    values = answer(get_provider("correlation"), frame, companion=frame)["correlation"]
    np.testing.assert_allclose(values.iloc[30:], 1, rtol=1e-12)
    assert values.iloc[:30].isna().all()


def test_a_window_with_a_missing_candle_is_undefined() -> None:
    ours, theirs = candles(200, seed=1), candles(200, seed=2)
    whole = answer(get_provider("correlation"), ours, companion=theirs)["correlation"]
    holed = theirs.drop(theirs.index[100])
    values = answer(get_provider("correlation"), ours, companion=holed)["correlation"]
    # The return of the candle and the next one are missing, so windows up to 130 are undefined.
    assert values.iloc[30:100].notna().all()
    assert values.iloc[100:131].isna().all()
    np.testing.assert_allclose(values.iloc[131:], whole.iloc[131:], rtol=1e-9)


def test_correlation_with_a_constant_price_is_undefined() -> None:
    ours = candles(60)
    values = answer(get_provider("correlation"), ours, companion=flat(60))["correlation"]
    assert values.isna().all()


def test_the_companion_is_a_parameter() -> None:
    provider = get_provider("correlation")
    assert provider.parse_params({"with": "ethusdt"}).companions() == ("ETHUSDT",)
    with pytest.raises(UnknownSymbol, match="cannot be a symbol"):
        provider.parse_params({"with": "'; drop table"})


def test_matrix_equals_numpy() -> None:
    frames = {
        name: candles(300, seed=i) for i, name in enumerate(("BTCUSDT", "ETHUSDT", "SOLUSDT"))
    }
    ours = matrix(frames)
    returns = [np.diff(np.log(frame["close"])) for frame in frames.values()]
    assert ours.symbols == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    np.testing.assert_allclose(ours.matrix, np.corrcoef(returns), rtol=1e-10)
    assert ours.pairs == ((299,) * 3,) * 3


def test_matrix_counts_common_returns_only() -> None:
    whole = candles(50)
    holed = whole.drop(whole.index[10])
    ours = matrix({"AAA": whole, "BBB": holed, "CCC": flat(50), "DDD": whole.iloc[:0]})
    assert ours.pairs[0] == (49, 47, 49, 0)
    assert ours.matrix[0][:2] == pytest.approx([1, 1])
    assert math.isnan(ours.matrix[0][2]) and math.isnan(ours.matrix[3][3])


def test_matrix_needs_all_or_the_named_symbols() -> None:
    parse = get_provider("correlation_matrix").parse_params
    assert parse({}).companions() is None
    assert parse({"symbols": "btcusdt, ETHUSDT,btcusdt"}).companions() == ("BTCUSDT", "ETHUSDT")
    assert parse({"symbols": ["btcusdt"]}).companions() == ("BTCUSDT",)
    # As in a query string: a list with one item of several symbols.
    assert parse({"symbols": ["btcusdt,ETHUSDT"]}).companions() == ("BTCUSDT", "ETHUSDT")


def test_matrix_without_symbols_is_empty() -> None:
    assert matrix({}) == CorrelationMatrix((), (), ())
