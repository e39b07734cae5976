"""Values of providers do not depend on how many are requested."""

import numpy as np
import pandas as pd
import pytest
import talib

from crypto_assets.analytics.registry import find_providers
from crypto_assets.errors import UnknownProvider, WrongUse
from crypto_assets.market.intervals import Interval
from crypto_assets.reports import Reports
from crypto_assets_tests.reports.conftest import HOLE


@pytest.mark.parametrize("name", ["sma", "ema", "rsi", "macd", "bollinger", "vwap"])
def test_the_limit_does_not_change_a_value(reports: Reports, name: str) -> None:
    few, many = (
        reports.get_indicator(name, "BTCUSDT", Interval.M15, limit=limit) for limit in (5, 500)
    )
    assert few is not None and many is not None
    assert len(few.value) == 5
    assert few.value.notna().to_numpy().all()
    np.testing.assert_allclose(few.value, many.value.tail(5), rtol=1e-10)


def test_moving_averages_equal_talib_over_all_history(reports: Reports) -> None:
    closes = reports.get_candles("SHIBUSDT", "15m", limit=5000).frame["close"]
    chart = reports.get_chart(
        "SHIBUSDT", "15m", [("sma", {"period": 50}), ("ema", {"period": "12"})]
    )
    sma, ema = chart.results
    assert sma.value.index.equals(chart.candles.frame.index)
    np.testing.assert_allclose(sma.value["sma"], talib.SMA(closes, 50).tail(500), rtol=1e-10)
    np.testing.assert_allclose(ema.value["ema"], talib.EMA(closes, 12).tail(500), rtol=1e-8)
    assert ema.params == {"period": 12}


def test_a_result_does_not_depend_on_other_providers(
    reports: Reports, subtests: pytest.Subtests
) -> None:
    """A provider alone reads only the columns that it uses."""
    every = [(name, {}) for name in find_providers()]
    chart = reports.get_chart("SHIBUSDT", Interval.M30, every, limit=60)
    results = {result.provider: result for result in chart.results}
    assert list(results) == list(find_providers())
    for name, beside in results.items():
        with subtests.test(name):
            alone = reports.get_indicator(name, "SHIBUSDT", Interval.M30, limit=60)
            assert alone is not None and alone.params == beside.params
            if isinstance(alone.value, pd.DataFrame):
                pd.testing.assert_frame_equal(alone.value, beside.value)
            else:
                assert repr(alone.value) == repr(beside.value)  # NaN is not equal to itself


def test_values_at_the_beginning_of_history_are_undefined(reports: Reports) -> None:
    answer = reports.get_indicator("sma", "BTCUSDT", "1d", params={"period": 10})
    assert answer is not None
    assert answer.value["sma"].isna().tolist() == [True] * 9 + [False] * (len(answer.value) - 9)


def test_moving_averages_start_again_after_a_gap(reports: Reports) -> None:
    """The gap may be among the candles shown or in the history before them."""
    shown = reports.get_candles("BTCUSDT", "15m", limit=500).frame
    after = shown[shown["open_time"] >= HOLE.end_ms]
    assert 0 < len(after) < 200
    for count in (500, 100):
        chart = reports.get_chart("BTCUSDT", "15m", [("sma", {}), ("ema", {})], limit=count)
        for name, talibs in (("sma", talib.SMA), ("ema", talib.EMA)):
            (value,) = (one.value[name] for one in chart.results if one.provider == name)
            wanted = talibs(after["close"], 20).reindex(value.index[-len(after) :])
            np.testing.assert_allclose(value.tail(len(wanted)), wanted, rtol=1e-10)


@pytest.mark.parametrize("hours", [24, 96])
def test_returns_across_a_gap_do_not_count(reports: Reports, hours: int) -> None:
    answer = reports.get_indicator("return_distribution", "BTCUSDT", "1h", limit=hours)
    assert answer is not None
    assert answer.value.count == hours - 1 - (hours > 30)
    matrix = reports.get_indicator("correlation_matrix", "BTCUSDT", "1h", limit=hours)
    assert matrix is not None
    assert matrix.value.pairs[0][0] == hours - 1 - (hours > 30)


def test_companions_are_read_over_the_same_time(reports: Reports) -> None:
    answer = reports.get_indicator(
        "correlation", "BTCUSDT", "1h", limit=24, params={"with": "SHIBUSDT", "window": 6}
    )
    assert answer is not None
    assert answer.value["correlation"].between(-1, 1).all()


def test_a_symbol_may_be_compared_with_itself(reports: Reports) -> None:
    answer = reports.get_indicator("correlation", "BTCUSDT", "1h", limit=24, params={"window": 6})
    assert answer is not None and answer.params["with"] == "BTCUSDT"
    np.testing.assert_allclose(answer.value["correlation"], 1, rtol=1e-9)


def test_the_matrix_contains_every_tracked_symbol(reports: Reports) -> None:
    answer = reports.get_indicator("correlation_matrix", "BTCUSDT", "1h", limit=48)
    assert answer is not None
    assert answer.value.symbols == ("BTCUSDT", "SHIBUSDT", "XRPUSDT")
    assert answer.value.matrix[0][0] == pytest.approx(1)
    assert -1 < answer.value.matrix[0][1] < 1
    assert np.isnan(answer.value.matrix[0][2]), "XRPUSDT has no candle"


def test_a_symbol_without_candles_has_no_result(reports: Reports) -> None:
    assert reports.get_indicator("sma", "XRPUSDT", "1h") is None


def test_wrong_parameters_are_named(reports: Reports) -> None:
    with pytest.raises(WrongUse, match="sma: period"):
        reports.get_chart("BTCUSDT", "1h", [("sma", {"period": 0})])
    with pytest.raises(UnknownProvider, match="nonsense"):
        reports.get_chart("BTCUSDT", "1h", [("nonsense", {})])
