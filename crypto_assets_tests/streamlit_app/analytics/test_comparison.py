"""Comparison of symbols: changes since the first visible candle."""

import numpy as np
import pandas as pd

from crypto_assets.analytics import Panel
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, Window
from streamlit_app.analytics.comparison import build_relative_chart
from streamlit_app.figures.candles import ChartFrame
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.number_formats import get_price_format
from streamlit_app.format.decimal_places import DecimalPlaces

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
TWO = DecimalPlaces(2, 2)
ABOUT = ChartFrame("BTCUSDT", Interval.H1, TWO)
TIMES = START + np.arange(4) * HOUR_MS
CANDLES = pd.DataFrame(
    {
        "open_time": TIMES,
        "open": [99.0, 100, 110, 120],
        "high": [101.0, 110, 120, 130],
        "low": [98.0, 99, 105, 110],
        "close": [100.0, 110, 120, 125],
    }
)
COLOURS = {"ETHUSDT": "#222222", "LTCUSDT": "#333333"}
# The third hour is missing.
OTHER = pd.Series([10.0, 12.0, 8.0], index=TIMES[[0, 1, 3]])


def test_all_symbols_start_at_zero() -> None:
    sma = Indicator(
        "sma",
        "SMA 2",
        Panel.PRICE,
        pd.DataFrame({"sma": [np.nan, 105, 115, 122.5]}),
        get_price_format(TWO),
        ("#111111",),
    )
    candles, about, lines = build_relative_chart(
        CANDLES, ABOUT, [sma], {"ETHUSDT": OTHER}, None, COLOURS
    )
    assert candles["close"].round(10).tolist() == [0, 0.1, 0.2, 0.25]
    assert about.is_relative and about.number_format.kind == "change"
    other, relative_sma = lines
    assert (other.key, other.colours, relative_sma.colours) == (
        "ETHUSDT",
        ("#222222",),
        ("#111111",),
    )
    np.testing.assert_allclose(other.lines["change"], [0, 0.2, np.nan, -0.2])
    np.testing.assert_allclose(relative_sma.lines["sma"], [np.nan, 0.05, 0.15, 0.225])


def test_a_zoom_starts_at_its_first_candle() -> None:
    view = Window(START + HOUR_MS, START + 4 * HOUR_MS)
    candles, _, (other,) = build_relative_chart(
        CANDLES, ABOUT, [], {"ETHUSDT": OTHER}, view, COLOURS
    )
    assert candles["close"].iloc[1] == 0 > candles["close"].iloc[0]
    np.testing.assert_allclose(other.lines["change"].iloc[1], 0)


def test_a_symbol_without_visible_candles_has_no_line() -> None:
    _, about, lines = build_relative_chart(
        CANDLES, ABOUT, [], {"LTCUSDT": OTHER.iloc[:0]}, None, COLOURS
    )
    assert lines == [] and about.is_relative
