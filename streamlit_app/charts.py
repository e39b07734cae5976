"""Figures: pure functions from a report's frame to a Plotly figure, in no way aware of Streamlit.

Times go to the browser as epoch milliseconds in typed arrays, a quarter of their size as text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crypto_assets.market.intervals import Interval
from streamlit_app.colours import CROSSHAIR, FALLING, OVERLAYS, RISING, translucent
from streamlit_app.holes import Hole, broken_at_holes, hover_marks, shades

HEIGHT = 560  # pixels
_PRICE_PANE, _VOLUME_PANE = (0.24, 1.0), (0.0, 0.18)


@dataclass(frozen=True)
class Overlay:
    """Lines of one colour over the candles: a column each, a value (or NaN) for each candle."""

    name: str
    lines: pd.DataFrame


@dataclass(frozen=True)
class ChartFrame:
    """What a chart is about: whose candles, with how many decimals a price is written."""

    symbol: str
    interval: Interval
    digits: int

    @property
    def price_format(self) -> str:
        """As d3 writes it, whose formats Plotly speaks."""
        return f",.{self.digits}f"


def candle_chart(
    candles: pd.DataFrame,
    about: ChartFrame,
    overlays: Sequence[Overlay] = (),
    holes: Sequence[Hole] = (),
    uirevision: str = "",
) -> go.Figure:
    """Candlesticks, lines over them and volume below, on one time axis and one crosshair.

    `candles` has the candle columns as floats, `open_time` in epoch ms, and `forming`. Where a
    candle is missing, lines break. Zoom and pan survive as long as `uirevision` stays the same.
    """
    figure = go.Figure(layout=_layout(about, uirevision))
    if candles.empty:
        return figure
    figure.add_traces([*_candlesticks(candles, about), *_volume_bars(candles)])
    for overlay, colour in zip(overlays, cycle(OVERLAYS), strict=False):
        figure.add_traces(list(_lines(candles, overlay, about, colour)))
    if holes:
        figure.add_trace(hover_marks(holes, about.interval, float(candles["close"].median())))
    figure.update_layout(
        shapes=[*shades(holes, about.interval), _last_price_line(candles)],
        annotations=[_last_price_tag(candles, about)],
    )
    return figure


def _layout(about: ChartFrame, uirevision: str) -> go.Layout:
    crosshair = {
        "showspikes": True,
        "spikemode": "across",
        "spikesnap": "cursor",
        "spikethickness": 1,
        "spikedash": "dot",
        "spikecolor": CROSSHAIR,
    }
    values = {"side": "right", "zeroline": False, "automargin": True} | crosshair
    volumes = {"tickformat": ".3~s", "nticks": 4, "rangemode": "tozero"}
    hover = {"unifiedhovertitle": {"text": "%{x|%a %d %b %Y %H:%M} UTC"}}
    return go.Layout(
        xaxis={"type": "date", "anchor": "y2", "rangeslider": {"visible": False}}
        | {"automargin": True}
        | hover
        | crosshair,
        yaxis=values | {"domain": _PRICE_PANE, "tickformat": about.price_format},
        yaxis2=values | {"domain": _VOLUME_PANE} | volumes,
        template="none",
        height=HEIGHT,
        hovermode="x unified",
        hoversubplots="axis",
        dragmode="pan",
        showlegend=True,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0},
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        bargap=0.25,
        barmode="overlay",
        uirevision=uirevision or f"{about.symbol} {about.interval}",
    )


def _candlesticks(candles: pd.DataFrame, about: ChartFrame) -> Iterator[go.Candlestick]:
    """Filled where final; hollow where the period has not ended and the numbers still change."""
    for forming, alpha in ((False, 1.0), (True, 0.15)):
        part = candles[candles["forming"] == forming]
        if part.empty:
            continue
        yield go.Candlestick(
            **_prices(part, about),
            name="Forming" if forming else f"{about.symbol} {about.interval}",
            showlegend=False,
            increasing={"line": {"color": RISING, "width": 1}}
            | {"fillcolor": translucent(RISING, alpha)},
            decreasing={"line": {"color": FALLING, "width": 1}}
            | {"fillcolor": translucent(FALLING, alpha)},
        )


def _prices(candles: pd.DataFrame, about: ChartFrame) -> dict[str, Any]:
    names = ("open", "high", "low", "close")
    hover = "  ".join(f"{name[0].upper()} %{{{name}:{about.price_format}}}" for name in names)
    return {
        "x": candles["open_time"].to_numpy(np.float64),
        **{name: candles[name].to_numpy(np.float64) for name in names},
        "hovertemplate": hover,
    }


def _volume_bars(candles: pd.DataFrame) -> Iterator[go.Bar]:
    """A trace a direction: one colour travels faster than a list of them."""
    rising = candles["close"] >= candles["open"]
    for part, colour in ((candles[rising], RISING), (candles[~rising], FALLING)):
        yield go.Bar(
            x=part["open_time"].to_numpy(np.float64),
            y=part["volume"].to_numpy(np.float64),
            yaxis="y2",
            name="Volume",
            marker={"color": translucent(colour, 0.55), "line": {"width": 0}},
            hovertemplate="%{y:.4~s}",
            showlegend=False,
        )


def _lines(
    candles: pd.DataFrame, overlay: Overlay, about: ChartFrame, colour: str
) -> Iterator[go.Scatter]:
    """One line a column; the first alone stands in the legend, and switches all of them."""
    times = candles["open_time"].to_numpy(np.int64)
    columns = list(overlay.lines.columns)
    for column in columns:
        values = overlay.lines[column].to_numpy(np.float64)
        x, y = broken_at_holes(times, values, about.interval)
        which = f" {column}" if len(columns) > 1 else ""
        yield go.Scatter(
            x=x,
            y=y,
            name=overlay.name,
            legendgroup=overlay.name,
            showlegend=column == columns[0],
            mode="lines",
            line={"color": colour, "width": 1.6},
            connectgaps=False,
            hovertemplate=f"%{{y:{about.price_format}}}{which}",
        )


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
    return {"xref": "paper", "x": 1, "xanchor": "left", "y": close, "showarrow": False} | {
        "text": f"{close:,.{about.digits}f}",
        "font": {"color": "white", "size": 11},
        "bgcolor": colour,
        "borderpad": 2,
    }
