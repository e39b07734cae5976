"""The candle chart: candles, lines over them and panes below, on one time axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crypto_assets.market.intervals import Interval
from streamlit_app.colours import FALLING, OVERLAYS, RISING, make_translucent
from streamlit_app.figures import indicator, number_formats
from streamlit_app.figures.gap_shading import LabeledGap, draw_gap_shades, draw_hover_marks
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.panes import PaneLayout, draw_level_line, get_layout_axis, get_trace_axis
from streamlit_app.format.decimal_places import DecimalPlaces

OHLC = ["open", "high", "low", "close"]
PARTIAL_NOTE = "partial: its beginning is not stored"


@dataclass(frozen=True)
class ChartFrame:
    """What a chart is about: whose candles, and how its prices are written.

    In a `relative` chart prices are changes, as ratios, from the first candle seen.
    """

    symbol: str
    interval: Interval
    decimals: DecimalPlaces
    is_relative: bool = False

    @property
    def number_format(self) -> number_formats.NumberFormat:
        return (
            number_formats.RELATIVE_FORMAT
            if self.is_relative
            else number_formats.get_price_format(self.decimals)
        )


def draw_candle_chart(
    candles: pd.DataFrame,
    about: ChartFrame,
    overlays: Sequence[Indicator] = (),
    panes: Sequence[Indicator] = (),
    holes: Sequence[LabeledGap] = (),
    volume: bool = True,
) -> go.Figure:
    """Candlesticks, lines over them, volume and indicators in panes of their own below.

    `candles` has the candle columns as floats, `open_time` in epoch ms, `forming` and `partial`.
    Where a candle is missing, lines break. Without candles the panes stand empty.
    """
    lower = [number_formats.get_amount_format(_find_largest_volume(candles))] * volume + [
        pane.number_format for pane in panes
    ]
    figure = go.Figure(layout=_build_layout(about, lower))
    if candles.empty:
        return figure
    figure.add_traces([*_draw_candlesticks(candles, about)])
    if volume:
        figure.add_traces([*_draw_volume_bars(candles)])
    times, colours = candles["open_time"].to_numpy(np.int64), cycle(OVERLAYS)
    for overlay in overlays:
        own = [next(colours)] * len(overlay.lines.columns)
        figure.add_traces([*indicator.draw_indicator(times, overlay, about.interval, "y", own)])
    for number, pane in enumerate(panes, 1 + volume):
        own = list(islice(cycle(OVERLAYS), len(pane.lines.columns)))
        axis = get_trace_axis(number)
        figure.add_traces([*indicator.draw_indicator(times, pane, about.interval, axis, own)])
    if holes:
        figure.add_trace(draw_hover_marks(holes, about.interval, float(candles["close"].median())))
    rules = [
        draw_level_line(n, level)
        for n, pane in enumerate(panes, 1 + volume)
        for level in pane.levels
    ]
    figure.update_layout(
        shapes=[*draw_gap_shades(holes, about.interval), *rules, _draw_last_price_line(candles)],
        annotations=[_draw_last_price_tag(candles, about)],
    )
    return figure


def _build_layout(about: ChartFrame, lower: Sequence[number_formats.NumberFormat]) -> go.Layout:
    panes = PaneLayout(len(lower))
    axes = {
        get_layout_axis(number): panes.build_value_axis(number, writing)
        for number, writing in enumerate([about.number_format, *lower])
    }
    return go.Layout(
        xaxis=panes.build_time_axis(),
        **axes,
        template="none",
        height=panes.height,
        hovermode="x",
        hoversubplots="axis",
        dragmode="pan",
        showlegend=False,
        margin=panes.get_margin(),
        bargap=0.25,
        barmode="overlay",
    )


def _draw_candlesticks(candles: pd.DataFrame, about: ChartFrame) -> Iterator[go.Candlestick]:
    """Filled where final; hollow where the period has not ended and the numbers still change.

    Faded and empty where the beginning of the period is not stored.
    """
    partial, forming = candles["partial"], candles["forming"]
    for rows, line, alpha, note in (
        (~partial & ~forming, 1.0, 1.0, ""),
        (~partial & forming, 1.0, 0.15, "forming"),
        (partial, 0.5, 0.0, PARTIAL_NOTE),
    ):
        part = candles[rows]
        if part.empty:
            continue
        yield go.Candlestick(
            x=part["open_time"].to_numpy(np.float64),
            **{name: part[name].to_numpy(np.float64) for name in OHLC},
            name=f"{about.symbol} {about.interval}",
            meta=about.number_format.meta | ({"note": note} if note else {}),
            hoverinfo="none",
            showlegend=False,
            increasing=_style_candles(RISING, line, alpha),
            decreasing=_style_candles(FALLING, line, alpha),
        )


def _style_candles(colour: str, line: float, fill: float) -> dict[str, Any]:
    """`line` and `fill` are how opaque each is, 0 to 1."""
    edge = colour if line == 1 else make_translucent(colour, line)
    return {"line": {"color": edge, "width": 1}, "fillcolor": make_translucent(colour, fill)}


def _draw_volume_bars(candles: pd.DataFrame) -> Iterator[go.Bar]:
    """A trace a direction: one colour travels faster than a list of them."""
    rising, writing = (
        candles["close"] >= candles["open"],
        number_formats.get_amount_format(_find_largest_volume(candles)),
    )
    for part, colour in ((candles[rising], RISING), (candles[~rising], FALLING)):
        yield go.Bar(
            x=part["open_time"].to_numpy(np.float64),
            y=part["volume"].to_numpy(np.float64),
            yaxis="y2",
            name="Volume",
            marker={"color": make_translucent(colour, 0.55), "line": {"width": 0}},
            meta=writing.meta | {"label": "", "colour": colour},
            hoverinfo="none",
            showlegend=False,
        )


def _find_largest_volume(candles: pd.DataFrame) -> float:
    return float(candles["volume"].max()) if len(candles) else 0.0


def _get_last_price(candles: pd.DataFrame) -> tuple[float, str]:
    last = candles.iloc[-1]
    return float(last["close"]), RISING if last["close"] >= last["open"] else FALLING


def _draw_last_price_line(candles: pd.DataFrame) -> dict[str, Any]:
    close, colour = _get_last_price(candles)
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": close, "y1": close} | {
        "line": {"color": colour, "width": 1, "dash": "dot"}
    }


def _draw_last_price_tag(candles: pd.DataFrame, about: ChartFrame) -> dict[str, Any]:
    close, colour = _get_last_price(candles)
    text = f"{close:+.2%}" if about.is_relative else about.decimals.format_value(close)
    return {"xref": "paper", "x": 1, "xanchor": "left", "y": close, "showarrow": False} | {
        "text": text,
        "font": {"color": "white", "size": 11},
        "bgcolor": colour,
        "borderpad": 2,
    }
