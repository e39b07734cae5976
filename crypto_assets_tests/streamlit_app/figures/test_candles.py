"""The figure of the candle chart: traces, gaps, panes, formats, and size."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from crypto_assets.analytics import Panel, Unit
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, Window
from crypto_assets.reports import CandleGap
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from streamlit_app.colours import FALLING, RISING
from streamlit_app.figures.candles import ChartFrame, draw_candle_chart
from streamlit_app.figures.gap_shading import break_lines_at_gaps, label_gap
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.number_formats import (
    get_amount_format,
    get_price_format,
    get_unit_format,
)
from streamlit_app.format.decimal_places import DecimalPlaces

START = 1_741_219_200_000  # Thursday 2025-03-06 00:00 UTC
TWO = DecimalPlaces(2, 2)
ABOUT = ChartFrame("BTCUSDT", Interval.H1, TWO)
PRICE = get_price_format(TWO)
COLOURS = ("#111111", "#222222", "#333333")
GAP = Window(START + 10 * HOUR_MS, START + 13 * HOUR_MS)


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


def traces(figure: go.Figure, kind: str) -> list[go.Figure]:
    return [trace for trace in figure.data if trace.type == kind]


def test_final_candles_are_filled_and_the_forming_one_is_hollow() -> None:
    final, forming = traces(draw_candle_chart(candles(), ABOUT), "candlestick")
    assert (len(final.x), len(forming.x)) == (47, 1)
    assert forming.x[0] == candles()["open_time"].iloc[-1]
    assert final.increasing.fillcolor == "rgba(43, 131, 214, 1)"
    assert forming.increasing.fillcolor == "rgba(43, 131, 214, 0.15)"
    assert (final.increasing.line.color, final.decreasing.line.color) == (RISING, FALLING)


def test_without_a_forming_candle_none_is_hollow() -> None:
    closed = candles().assign(forming=False)
    assert len(traces(draw_candle_chart(closed, ABOUT), "candlestick")) == 1


def test_a_partial_candle_is_faded_and_has_a_note() -> None:
    frame = candles()
    frame["partial"] = frame.index == 0
    final, forming, partial = traces(draw_candle_chart(frame, ABOUT), "candlestick")
    assert (len(final.x), len(forming.x), list(partial.x)) == (46, 1, [START])
    assert partial.increasing.fillcolor == "rgba(43, 131, 214, 0)"
    assert partial.increasing.line.color == "rgba(43, 131, 214, 0.5)"
    assert partial.meta["note"] == "partial: its beginning is not stored"
    assert (forming.meta["note"], "note" in final.meta) == ("forming", False)


def test_prices_have_the_given_decimals() -> None:
    figure = draw_candle_chart(candles(), ChartFrame("SHIBUSDT", Interval.H1, DecimalPlaces(8, 8)))
    assert figure.layout.yaxis.tickformat == ",.8f"
    assert figure.data[0].meta == {"kind": "fixed", "digits": 8, "min_digits": 8}
    assert figure.layout.annotations[0].text == "103.70000000"


def test_prices_finer_than_the_tick_size_have_more_decimals() -> None:
    figure = draw_candle_chart(candles(), ChartFrame("SHIBUSDT", Interval.H1, DecimalPlaces(1, 8)))
    assert figure.layout.yaxis.tickformat == ",.8~f"
    assert figure.data[0].meta == {"kind": "fixed", "digits": 8, "min_digits": 1}
    assert figure.layout.annotations[0].text == "103.7"


def test_volume_is_coloured_by_direction_in_its_own_pane() -> None:
    frame = candles()
    up, down = traces(draw_candle_chart(frame, ABOUT), "bar")
    assert (up.yaxis, down.yaxis) == ("y2", "y2")
    assert list(up.x) == frame["open_time"].tolist()[::2]
    assert list(down.x) == frame["open_time"].tolist()[1::2]
    assert up.width == down.width == HOUR_MS * 0.75
    assert up.marker.color == "rgba(43, 131, 214, 0.55)" != down.marker.color


def test_a_line_breaks_where_candles_are_missing() -> None:
    frame = candles()
    overlay = line_of("SMA 3", pd.DataFrame({"sma": frame["close"].rolling(3).mean()}))
    (line,) = traces(draw_candle_chart(frame, ABOUT, [overlay]), "scatter")
    broken = [x for x, y in zip(line.x, line.y, strict=True) if np.isnan(y)]
    assert broken == [START, START + HOUR_MS, GAP.start_ms], "two warm-up candles and the gap"
    assert line.connectgaps is False


def test_lines_of_weeks_break_at_missing_weeks() -> None:
    monday = 1_740_960_000_000  # 2025-03-03
    week = Interval.W1.ms
    times = np.array([monday, monday + week, monday + 3 * week])
    x, y = break_lines_at_gaps(times, np.array([1.0, 2.0, 3.0]), Interval.W1)
    assert x.tolist() == [monday, monday + week, monday + 2 * week, monday + 3 * week]
    assert np.isnan(y).tolist() == [False, False, True, False]


def test_a_gap_is_shaded_and_has_hover_labels() -> None:
    gap = label_gap(CandleGap(GAP, GapClass.OUTAGE))
    assert gap.label == "Outage, 06 Mar 2025 10:00 to 13:00 UTC"
    figure = draw_candle_chart(candles(), ABOUT, gaps=[gap])
    shade = figure.layout.shapes[0]
    assert (shade.x0, shade.x1) == (GAP.start_ms - HOUR_MS // 2, GAP.end_ms - HOUR_MS // 2)
    (marks,) = traces(figure, "scatter")
    assert list(marks.x) == [GAP.start_ms + n * HOUR_MS for n in range(3)]
    assert set(marks.text) == {gap.label}


@pytest.mark.parametrize("gap_class", [*GapClass, None])
def test_every_gap_class_has_a_label(gap_class: GapClass | None) -> None:
    over_midnight = Window(START - HOUR_MS, START + HOUR_MS)
    label = label_gap(CandleGap(over_midnight, gap_class)).label
    assert label.endswith(", 05 Mar 2025 23:00 to 06 Mar 01:00 UTC")


def line_of(name: str, lines: pd.DataFrame, *colours: str, **options: Any) -> Indicator:
    """Build an indicator over the candles with prices as values."""
    shown = (colours or COLOURS)[: len(lines.columns)]
    return Indicator(name.lower(), name, Panel.PRICE, lines, PRICE, shown, **options)


def test_lines_have_the_colours_of_their_indicator_and_bands_are_filled() -> None:
    frame = candles()
    bands = pd.DataFrame({name: frame["close"] for name in ("upper", "middle", "lower")})
    average = pd.DataFrame({"sma": frame["close"]})
    bollinger = line_of("Bollinger 20 2", bands, "#111111", "#222222", "#111111", width=3.0)
    bollinger = replace(bollinger, band=("upper", "lower"))
    overlays = [bollinger, line_of("SMA 20", average, "#333333")]
    fill, upper, middle, lower, sma = traces(draw_candle_chart(frame, ABOUT, overlays), "scatter")
    colours = [line.line.color for line in (upper, middle, lower, sma)]
    assert colours == ["#111111", "#222222", "#111111", "#333333"]
    assert [line.showlegend for line in (upper, middle, lower, sma)] == [True, False, False, True]
    assert (fill.fill, fill.fillcolor, fill.meta) == ("toself", "rgba(17, 17, 17, 0.08)", None)
    assert np.isnan(fill.y).sum() == 2, "a polygon before the gap, and one after it"
    assert GAP.start_ms not in fill.x and np.isfinite(fill.x).all()
    assert (upper.line.width, sma.line.width) == (3.0, 1.6)


def test_panes_are_below_the_candles_with_their_own_units() -> None:
    frame = candles()
    rsi = replace(
        line_of("RSI 14", frame[["close"]], levels=(30, 70)),
        number_format=get_unit_format(Unit.PERCENT, TWO, 90),
    )
    macd = line_of("MACD", frame[["open", "close"]], bars=("open",))
    layout = draw_candle_chart(frame, ABOUT, panes=[rsi, macd]).layout
    domains = [layout[name].domain for name in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert all(above[0] > below[1] for above, below in pairwise(domains))
    assert domains[0][1] == 1 and domains[-1][0] == pytest.approx(0, abs=1e-9)
    assert layout.yaxis3.range == (0, 100)
    assert layout.xaxis.anchor == "y4"
    assert [(one.yref, one.y0) for one in layout.shapes if one.yref == "y3"] == [
        ("y3", 30),
        ("y3", 70),
    ]


def test_bar_columns_are_drawn_as_bars_behind_the_lines() -> None:
    frame = candles().assign(histogram=np.linspace(-1, 1, 48))
    macd = line_of("MACD", frame[["close", "histogram"]], bars=("histogram",))
    bars, line = draw_candle_chart(frame, ABOUT, panes=[macd], volume=False).data[2:]
    assert (bars.type, bars.meta["label"], bars.yaxis) == ("bar", "histogram", "y2")
    assert (line.type, line.meta["label"], line.yaxis) == ("scatter", "close", "y2")


def test_without_volume_there_is_no_pane_for_it() -> None:
    figure = draw_candle_chart(candles(), ABOUT, volume=False)
    assert traces(figure, "bar") == [] and figure.layout.yaxis.domain == (0, 1)


@pytest.mark.parametrize(
    ("unit", "tick_format", "axis_range"),
    [
        (Unit.QUOTE, ",.5f", None),
        (Unit.BASE, "~g", None),
        (Unit.PERCENT, "~g", (0, 100)),
        (Unit.CORRELATION, "~g", (-1, 1)),
        (Unit.YEARLY_FRACTION, ".3~%", None),
        ("anything else", "~g", None),
    ],
)
def test_units_have_formats(
    unit: Unit | str, tick_format: str, axis_range: tuple[float, float] | None
) -> None:
    number_format = get_unit_format(unit, DecimalPlaces(5, 5), 999)
    assert (number_format.tick_format, number_format.axis_range) == (tick_format, axis_range)


@pytest.mark.parametrize(
    ("largest", "tick_format"), [(0.4, "~g"), (999, "~g"), (1000, ""), (3e12, "")]
)
def test_only_large_volumes_have_a_suffix(largest: float, tick_format: str) -> None:
    """d3 would format 0.5 as `500m`."""
    assert get_amount_format(largest).tick_format == tick_format
    layout = draw_candle_chart(candles().assign(volume=largest), ABOUT).layout
    assert (layout.yaxis2.tickformat, layout.yaxis2.exponentformat) == (tick_format, "B")


def test_the_figure_of_two_thousand_candles_is_small() -> None:
    frame = candles(2000)
    line = pd.DataFrame({"sma": frame["close"]})
    averages = [line_of(f"SMA {n}", line) for n in (20, 50)]
    assert len(draw_candle_chart(frame, ABOUT, averages).to_json()) < 250_000


def test_without_candles_there_are_no_traces() -> None:
    assert len(draw_candle_chart(candles().iloc[:0], ABOUT).data) == 0
