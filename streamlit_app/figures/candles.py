"""The candle chart: candles, lines over them and panes below, on one time axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crypto_assets.market.intervals import Interval
from streamlit_app.colours import FALLING, OVERLAYS, RISING, translucent
from streamlit_app.figures import indicator, number_formats
from streamlit_app.figures.gap_shading import Hole, hover_marks, shades
from streamlit_app.figures.indicator import Indicator
from streamlit_app.figures.panes import Panes, axis_name, axis_of, rule
from streamlit_app.format.decimal_places import Decimals

OHLC = ["open", "high", "low", "close"]
PARTIAL_NOTE = "partial: its beginning is not stored"


@dataclass(frozen=True)
class ChartFrame:
    """What a chart is about: whose candles, and how its prices are written.

    In a `relative` chart prices are changes, as ratios, from the first candle seen.
    """

    symbol: str
    interval: Interval
    decimals: Decimals
    relative: bool = False

    @property
    def writing(self) -> number_formats.Writing:
        return number_formats.RELATIVE if self.relative else number_formats.price(self.decimals)


def candle_chart(
    candles: pd.DataFrame,
    about: ChartFrame,
    overlays: Sequence[Indicator] = (),
    panes: Sequence[Indicator] = (),
    holes: Sequence[Hole] = (),
    volume: bool = True,
) -> go.Figure:
    """Candlesticks, lines over them, volume and indicators in panes of their own below.

    `candles` has the candle columns as floats, `open_time` in epoch ms, `forming` and `partial`.
    Where a candle is missing, lines break. Without candles the panes stand empty.
    """
    lower = [number_formats.amount(_most(candles))] * volume + [pane.writing for pane in panes]
    figure = go.Figure(layout=_layout(about, lower))
    if candles.empty:
        return figure
    figure.add_traces([*_candlesticks(candles, about)])
    if volume:
        figure.add_traces([*_volume_bars(candles)])
    times, colours = candles["open_time"].to_numpy(np.int64), cycle(OVERLAYS)
    for overlay in overlays:
        own = [next(colours)] * len(overlay.lines.columns)
        figure.add_traces([*indicator.traces(times, overlay, about.interval, "y", own)])
    for number, pane in enumerate(panes, 1 + volume):
        own = list(islice(cycle(OVERLAYS), len(pane.lines.columns)))
        axis = axis_of(number)
        figure.add_traces([*indicator.traces(times, pane, about.interval, axis, own)])
    if holes:
        figure.add_trace(hover_marks(holes, about.interval, float(candles["close"].median())))
    rules = [rule(n, level) for n, pane in enumerate(panes, 1 + volume) for level in pane.levels]
    figure.update_layout(
        shapes=[*shades(holes, about.interval), *rules, _last_price_line(candles)],
        annotations=[_last_price_tag(candles, about)],
    )
    return figure


def _layout(about: ChartFrame, lower: Sequence[number_formats.Writing]) -> go.Layout:
    panes = Panes(len(lower))
    axes = {
        axis_name(number): panes.value_axis(number, writing)
        for number, writing in enumerate([about.writing, *lower])
    }
    return go.Layout(
        xaxis=panes.time_axis(),
        **axes,
        template="none",
        height=panes.height,
        hovermode="x",
        hoversubplots="axis",
        dragmode="pan",
        showlegend=False,
        margin=panes.margin(),
        bargap=0.25,
        barmode="overlay",
    )


def _candlesticks(candles: pd.DataFrame, about: ChartFrame) -> Iterator[go.Candlestick]:
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
            meta=about.writing.meta | ({"note": note} if note else {}),
            hoverinfo="none",
            showlegend=False,
            increasing=_look(RISING, line, alpha),
            decreasing=_look(FALLING, line, alpha),
        )


def _look(colour: str, line: float, fill: float) -> dict[str, Any]:
    """`line` and `fill` are how opaque each is, 0 to 1."""
    edge = colour if line == 1 else translucent(colour, line)
    return {"line": {"color": edge, "width": 1}, "fillcolor": translucent(colour, fill)}


def _volume_bars(candles: pd.DataFrame) -> Iterator[go.Bar]:
    """A trace a direction: one colour travels faster than a list of them."""
    rising, writing = candles["close"] >= candles["open"], number_formats.amount(_most(candles))
    for part, colour in ((candles[rising], RISING), (candles[~rising], FALLING)):
        yield go.Bar(
            x=part["open_time"].to_numpy(np.float64),
            y=part["volume"].to_numpy(np.float64),
            yaxis="y2",
            name="Volume",
            marker={"color": translucent(colour, 0.55), "line": {"width": 0}},
            meta=writing.meta | {"label": "", "colour": colour},
            hoverinfo="none",
            showlegend=False,
        )


def _most(candles: pd.DataFrame) -> float:
    return float(candles["volume"].max()) if len(candles) else 0.0


def _last(candles: pd.DataFrame) -> tuple[float, str]:
    last = candles.iloc[-1]
    return float(last["close"]), RISING if last["close"] >= last["open"] else FALLING


def _last_price_line(candles: pd.DataFrame) -> dict[str, Any]:
    close, colour = _last(candles)
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": close, "y1": close} | {
        "line": {"color": colour, "width": 1, "dash": "dot"}
    }


def _last_price_tag(candles: pd.DataFrame, about: ChartFrame) -> dict[str, Any]:
    close, colour = _last(candles)
    text = f"{close:+.2%}" if about.relative else about.decimals.text(close)
    return {"xref": "paper", "x": 1, "xanchor": "left", "y": close, "showarrow": False} | {
        "text": text,
        "font": {"color": "white", "size": 11},
        "bgcolor": colour,
        "borderpad": 2,
    }
