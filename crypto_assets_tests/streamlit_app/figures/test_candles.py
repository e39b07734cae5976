"""What the candle chart draws: candles, states, indicators, gaps, formats, and size."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crypto_assets.analytics import Panel, Unit
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, Window
from crypto_assets.reports import CandleGap
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from streamlit_app.figures.candles import (
    ChartFrame,
    ComparedSymbol,
    HiddenIndicator,
    LastPrice,
    build_chart_content,
)
from streamlit_app.figures.float_arrays import decode_floats
from streamlit_app.figures.gap_labels import label_gap
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.number_formats import (
    get_amount_tick_format,
    get_price_format,
    get_unit_format,
)
from streamlit_app.format.decimal_places import DecimalPlaces
from streamlit_app.format.viewer_zone import ViewerZone

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
TWO = DecimalPlaces(2, 2)
WINDOW = Window(START - HOUR_MS, START + 51 * HOUR_MS)
ABOUT = ChartFrame("BTCUSDT", "BTC / USDT", Interval.H1, TWO, WINDOW, WINDOW)
PRICE = get_price_format(TWO)
COLORS = ("#111111", "#222222", "#333333")
GAP = Window(START + 10 * HOUR_MS, START + 13 * HOUR_MS)
UTC = ViewerZone("UTC")


def candles(count: int = 48, gap_hours: int = 3) -> pd.DataFrame:
    """Hours from START: the 11th to 13th are missing, the last is forming."""
    opened = START + np.arange(count + gap_hours) * HOUR_MS
    opened = np.delete(opened, np.arange(10, 10 + gap_hours))
    base = 100 + np.arange(count) / 10
    rising = np.arange(count) % 2 == 0
    return pd.DataFrame(
        {
            "open_time": opened,
            "open": base,
            "high": base + 2,
            "low": base - 2,
            "close": np.where(rising, base + 1, base - 1),
            "volume": np.full(count, 5.0),
            "forming": np.arange(count) == count - 1,
            "partial": np.zeros(count, bool),
        }
    )


def build(frame: pd.DataFrame, about: ChartFrame = ABOUT, **options: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(build_chart_content(frame, about, **options))
    return content


def line_of(name: str, lines: pd.DataFrame, *colors: str, **options: Any) -> Indicator:
    """Build an indicator over the candles with prices as values."""
    shown = (colors or COLORS)[: len(lines.columns)]
    return Indicator(name.lower(), name, Panel.PRICE, lines, PRICE, shown, **options)


def test_candles_keep_their_values_and_times() -> None:
    frame = candles()
    content = build(frame)
    assert decode_floats(content["times"]).tolist() == frame["open_time"].tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert decode_floats(content["columns"][name]).tolist() == frame[name].tolist()
    assert content["window"] == [WINDOW.start_ms, WINDOW.end_ms], "not only where candles are"


def test_forming_and_partial_candles_have_a_state_and_a_note() -> None:
    frame = candles()
    frame["partial"] = frame.index == 0
    content = build(frame)
    states = decode_floats(content["columns"]["state"])
    assert (states[0], states[-1], set(states[1:-1])) == (2, 1, {0})
    assert content["notes"] == ["", "forming", "partial: its beginning is not stored"]


def test_the_last_price_is_the_newest_stored_one_not_that_of_the_window() -> None:
    newest = LastPrice(START + 900 * HOUR_MS, 99.0, 98.5)
    about = ChartFrame("BTCUSDT", "BTC / USDT", Interval.H1, TWO, WINDOW, WINDOW, newest)
    assert build(candles(), about)["last"] == [START + 900 * HOUR_MS, 99.0, 98.5]


def test_prices_have_the_given_decimals() -> None:
    about = ChartFrame("SHIB", "SHIB / USDT", Interval.H1, DecimalPlaces(1, 8), WINDOW, WINDOW)
    assert build(candles(), about)["format"] == {"kind": "fixed", "digits": 8, "min_digits": 1}


def test_compared_symbols_have_one_value_per_candle() -> None:
    """The other symbol has no second candle, and one that the chart's symbol lacks."""
    frame = candles()
    times = frame["open_time"]
    closes = pd.Series([5.0, 6.0, 7.0], index=[times[0], times[2], GAP.start_ms])
    (line,) = build(frame, compared=[ComparedSymbol("ETHUSDT", closes, "#111111")])["compared"]
    assert (line["name"], line["color"]) == ("ETHUSDT", "#111111")
    values = decode_floats(line["values"])
    assert (values[0], values[2], len(values)) == (5.0, 6.0, 48)
    assert np.isnan(values[[1, *range(3, 48)]]).all()


def test_lines_have_the_colors_and_the_width_of_their_indicator() -> None:
    frame = candles()
    bands = pd.DataFrame({name: frame["close"] for name in ("upper", "middle", "lower")})
    average = pd.DataFrame({"sma": frame["close"]})
    bollinger = line_of("Bollinger 20 2", bands, "#111111", "#222222", "#111111", width=3.0)
    bollinger = replace(bollinger, band=("upper", "lower"))
    overlays = [bollinger, line_of("SMA 20", average, "#333333")]
    first, second = build(frame, overlays=overlays)["overlays"]
    drawn = [(line["column"], line["label"], line["color"]) for line in first["lines"]]
    assert drawn == [
        ("upper", "upper", "#111111"),
        ("middle", "middle", "#222222"),
        ("lower", "lower", "#111111"),
    ]
    assert [(line["label"], line["color"]) for line in second["lines"]] == [("", "#333333")]
    assert (first["band"], second["band"]) == (["upper", "lower"], None)
    assert (first["width"], second["width"]) == (3.0, 1.6)
    assert (first["key"], first["name"]) == ("bollinger 20 2", "Bollinger 20 2")


def test_hidden_indicators_are_in_the_legend_only() -> None:
    content = build(candles(), hidden=[HiddenIndicator("ema.2", "EMA 50")])
    assert content["hidden"] == [{"key": "ema.2", "name": "EMA 50"}]
    assert content["overlays"] == content["panes"] == []


def test_bar_columns_come_before_the_lines_and_keep_their_colors() -> None:
    frame = candles().assign(histogram=np.linspace(-1, 1, 48))
    lines = frame[["close", "open", "histogram"]]
    macd = line_of("MACD", lines, bars=("histogram",), levels=(0,))
    (pane,) = build(frame, panes=[macd])["panes"]
    assert [(line["label"], line["bars"], line["color"]) for line in pane["lines"]] == [
        ("histogram", True, "#333333"),
        ("close", False, "#111111"),
        ("open", False, "#222222"),
    ]
    assert pane["levels"] == [0]


def test_a_unit_with_bounds_fixes_the_axis_of_its_pane() -> None:
    frame = candles()
    rsi = replace(
        line_of("RSI 14", frame[["close"]], levels=(30, 70)),
        number_format=get_unit_format(Unit.PERCENT, TWO, 90),
    )
    (pane,) = build(frame, panes=[rsi])["panes"]
    assert (pane["range"], pane["levels"]) == ([0, 100], [30, 70])


def test_gaps_have_their_window_and_reason() -> None:
    gap = CandleGap(GAP, GapClass.OUTAGE)
    assert build(candles(), gaps=[gap])["gaps"] == [[GAP.start_ms, GAP.end_ms, "Outage"]]
    assert label_gap(gap, UTC) == "Outage, 06 Mar 2025 10:00 to 13:00 UTC"


@pytest.mark.parametrize("gap_class", [*GapClass, None])
def test_every_gap_class_has_a_label(gap_class: GapClass | None) -> None:
    gap = CandleGap(Window(START - HOUR_MS, START + HOUR_MS), gap_class)
    assert label_gap(gap, UTC).endswith(", 05 Mar 2025 23:00 to 06 Mar 01:00 UTC")
    kolkata = label_gap(gap, ViewerZone("Asia/Kolkata"))
    assert kolkata.endswith(", 06 Mar 2025 04:30 to 06:30 Kolkata time")


@pytest.mark.parametrize(
    ("unit", "kind", "axis_range"),
    [
        (Unit.QUOTE, "fixed", None),
        (Unit.BASE, "compact", None),
        (Unit.PERCENT, "fixed", (0, 100)),
        (Unit.CORRELATION, "fixed", (-1, 1)),
        (Unit.YEARLY_FRACTION, "percent", None),
        ("anything else", "significant", None),
    ],
)
def test_units_have_formats(
    unit: Unit | str, kind: str, axis_range: tuple[float, float] | None
) -> None:
    number_format = get_unit_format(unit, DecimalPlaces(5, 5), 999)
    assert (number_format.kind, number_format.axis_range) == (kind, axis_range)


@pytest.mark.parametrize(
    ("largest", "tick_format"), [(0.4, "~g"), (999, "~g"), (1000, ""), (3e12, "")]
)
def test_only_large_amounts_have_a_suffix(largest: float, tick_format: str) -> None:
    """d3 would format 0.5 as `500m`."""
    assert get_amount_tick_format(largest) == tick_format


def test_the_content_of_two_thousand_candles_is_small() -> None:
    frame = candles(2000)
    line = pd.DataFrame({"sma": frame["close"]})
    averages = [line_of(f"SMA {n}", line) for n in (20, 50)]
    assert len(build_chart_content(frame, ABOUT, averages)) < 250_000


def test_without_candles_all_columns_are_empty() -> None:
    content = build(candles().iloc[:0])
    assert decode_floats(content["times"]).size == 0
    assert all(decode_floats(text).size == 0 for text in content["columns"].values())
