"""The candle chart: candles with overlays, and panes below them on the same time axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crypto_assets.market.intervals import Interval
from streamlit_app.colours import FALLING, RISING, make_translucent
from streamlit_app.figures import indicator, number_formats
from streamlit_app.figures.gap_shading import LabeledGap, draw_gap_shades, draw_hover_marks
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.panes import PaneLayout, draw_level_line, get_layout_axis, get_trace_axis
from streamlit_app.format.decimal_places import DecimalPlaces

OHLC = ["open", "high", "low", "close"]
PARTIAL_NOTE = "partial: its beginning is not stored"
_BAR_WIDTH_RATIO = 0.75  # of the interval


@dataclass(frozen=True)
class ChartFrame:
    """The symbol and interval of a chart, and how its prices are formatted.

    If `is_relative`, prices are ratios of change since the first visible candle.
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
    frame: ChartFrame,
    overlays: Sequence[Indicator] = (),
    panes: Sequence[Indicator] = (),
    gaps: Sequence[LabeledGap] = (),
    volume: bool = True,
) -> go.Figure:
    """Draw candlesticks with overlays, and volume and indicators in panes below.

    `candles` has the candle columns as floats, `open_time` in epoch ms, `forming` and `partial`.
    Lines break where candles are missing. Without candles the panes are empty.
    """
    lower_formats = [number_formats.get_amount_format(_find_largest_volume(candles))] * volume + [
        pane.number_format for pane in panes
    ]
    figure = go.Figure(layout=_build_layout(frame, lower_formats))
    if candles.empty:
        return figure
    figure.add_traces([*_draw_candlesticks(candles, frame)])
    if volume:
        figure.add_traces([*_draw_volume_bars(candles, frame.interval)])
    times = candles["open_time"].to_numpy(np.int64)
    for overlay in overlays:
        figure.add_traces([*indicator.draw_indicator(times, overlay, frame.interval, "y")])
    for number, pane in enumerate(panes, 1 + volume):
        axis = get_trace_axis(number)
        figure.add_traces([*indicator.draw_indicator(times, pane, frame.interval, axis)])
    if gaps:
        figure.add_trace(draw_hover_marks(gaps, frame.interval, float(candles["close"].median())))
    levels = [
        draw_level_line(number, level)
        for number, pane in enumerate(panes, 1 + volume)
        for level in pane.levels
    ]
    figure.update_layout(
        shapes=[*draw_gap_shades(gaps, frame.interval), *levels, _draw_last_price_line(candles)],
        annotations=[_draw_last_price_tag(candles, frame)],
    )
    return figure


def _build_layout(
    frame: ChartFrame, lower_formats: Sequence[number_formats.NumberFormat]
) -> go.Layout:
    panes = PaneLayout(len(lower_formats))
    axes = {
        get_layout_axis(number): panes.build_value_axis(number, number_format)
        for number, number_format in enumerate([frame.number_format, *lower_formats])
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


def _draw_candlesticks(candles: pd.DataFrame, frame: ChartFrame) -> Iterator[go.Candlestick]:
    """Draw final candles filled, forming ones hollow, and partial ones faded and hollow."""
    partial, forming = candles["partial"], candles["forming"]
    for rows, line_opacity, fill_opacity, note in (
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
            name=f"{frame.symbol} {frame.interval}",
            meta=frame.number_format.meta | ({"note": note} if note else {}),
            hoverinfo="none",
            showlegend=False,
            increasing=_style_candles(RISING, line_opacity, fill_opacity),
            decreasing=_style_candles(FALLING, line_opacity, fill_opacity),
        )


def _style_candles(colour: str, line_opacity: float, fill_opacity: float) -> dict[str, Any]:
    line_colour = colour if line_opacity == 1 else make_translucent(colour, line_opacity)
    return {
        "line": {"color": line_colour, "width": 1},
        "fillcolor": make_translucent(colour, fill_opacity),
    }


def _draw_volume_bars(candles: pd.DataFrame, interval: Interval) -> Iterator[go.Bar]:
    """Draw one trace per direction: a single colour is smaller than a list of them.

    The width is explicit: Plotly would derive it from the closest bars of each trace.
    """
    rising = candles["close"] >= candles["open"]
    number_format = number_formats.get_amount_format(_find_largest_volume(candles))
    for part, colour in ((candles[rising], RISING), (candles[~rising], FALLING)):
        yield go.Bar(
            x=part["open_time"].to_numpy(np.float64),
            y=part["volume"].to_numpy(np.float64),
            width=interval.ms * _BAR_WIDTH_RATIO,
            yaxis="y2",
            name="Volume",
            marker={"color": make_translucent(colour, 0.55), "line": {"width": 0}},
            meta=number_format.meta | {"label": "", "colour": colour},
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


def _draw_last_price_tag(candles: pd.DataFrame, frame: ChartFrame) -> dict[str, Any]:
    close, colour = _get_last_price(candles)
    text = f"{close:+.2%}" if frame.is_relative else frame.decimals.format_value(close)
    return {"xref": "paper", "x": 1, "xanchor": "left", "y": close, "showarrow": False} | {
        "text": text,
        "font": {"color": "white", "size": 11},
        "bgcolor": colour,
        "borderpad": 2,
    }
