"""Figures: pure functions from a report's frame to a Plotly figure, in no way aware of Streamlit.

Times go to the browser as epoch milliseconds in typed arrays, a quarter of their size as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from crypto_assets.market.clock import MINUTE_MS, Window, from_ms
from crypto_assets.market.intervals import Interval
from streamlit_app.colours import CROSSHAIR, FALLING, OUTAGE, OVERLAYS, RISING, translucent

Numbers = NDArray[np.float64]

_PRICE_PANE, _VOLUME_PANE = (0.24, 1.0), (0.0, 0.18)
_HOVER_MARKS_PER_HOLE = 50


@dataclass(frozen=True)
class Overlay:
    """A line over the candles: its name in the legend, and one value (or NaN) for each candle."""

    name: str
    values: Sequence[float] | pd.Series


@dataclass(frozen=True)
class Hole:
    """A stretch without candles, and the words that say why."""

    window: Window
    words: str


@dataclass(frozen=True)
class ChartFrame:
    """What a chart is about: whose candles, with how many decimals a price is written."""

    symbol: str
    interval: Interval
    digits: int


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
    final, forming = candles[~candles["forming"]], candles[candles["forming"]]
    figure.add_traces([_candlesticks(final, about), _volume_bars(candles)])
    if not forming.empty:
        figure.add_trace(_forming_candle(forming, about))
    for overlay, colour in zip(overlays, OVERLAYS, strict=False):
        figure.add_trace(_line(candles, overlay, about, colour))
    if holes:
        figure.add_trace(_hole_marks(candles, holes, about.interval))
    figure.update_layout(
        shapes=[*_shades(holes, about.interval), _last_price_line(candles)],
        annotations=[_last_price_tag(candles, about)],
    )
    return figure


def broken_at_holes(
    times: NDArray[np.int64], values: Numbers, interval: Interval
) -> tuple[Numbers, Numbers]:
    """The same points with a NaN after each one whose successor is missing."""
    periods = (times - interval.offset_ms) // interval.ms
    before = np.flatnonzero(np.diff(periods) > 1) + 1
    return (
        np.insert(times, before, times[before - 1] + interval.ms).astype(np.float64),
        np.insert(values, before, np.nan),
    )


def _layout(about: ChartFrame, uirevision: str) -> go.Layout:
    axis = {"showgrid": True, "zeroline": False, "side": "right", "fixedrange": False}
    spikes = {"showspikes": True, "spikemode": "across", "spikesnap": "cursor"}
    spike_look = {"spikethickness": 1, "spikedash": "dot", "spikecolor": CROSSHAIR}
    price = f",.{about.digits}f"
    return go.Layout(
        xaxis={"type": "date", "anchor": "y2", "rangeslider": {"visible": False}}
        | {"unifiedhovertitle": {"text": "%{x|%a %d %b %Y %H:%M} UTC"}}
        | spikes
        | spike_look,
        yaxis=axis | spikes | spike_look | {"domain": _PRICE_PANE, "tickformat": price},
        yaxis2=axis
        | {"domain": _VOLUME_PANE, "tickformat": ".3~s", "nticks": 4, "rangemode": "tozero"},
        hovermode="x unified",
        hoversubplots="axis",
        dragmode="pan",
        showlegend=True,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0},
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        bargap=0.25,
        uirevision=uirevision or f"{about.symbol}-{about.interval}",
    )


def _candlesticks(candles: pd.DataFrame, about: ChartFrame) -> go.Candlestick:
    return go.Candlestick(
        **_prices(candles, about),
        name=f"{about.symbol} {about.interval}",
        showlegend=False,
        increasing={"line": {"color": RISING, "width": 1}, "fillcolor": RISING},
        decreasing={"line": {"color": FALLING, "width": 1}, "fillcolor": FALLING},
    )


def _forming_candle(candles: pd.DataFrame, about: ChartFrame) -> go.Candlestick:
    """Hollow: its period has not ended, so its numbers still change."""
    return go.Candlestick(
        **_prices(candles, about),
        name="Forming",
        showlegend=False,
        increasing={
            "line": {"color": RISING, "width": 1.5},
            "fillcolor": translucent(RISING, 0.15),
        },
        decreasing={
            "line": {"color": FALLING, "width": 1.5},
            "fillcolor": translucent(FALLING, 0.15),
        },
    )


def _prices(candles: pd.DataFrame, about: ChartFrame) -> dict[str, object]:
    number = f",.{about.digits}f"
    words = ("open", "high", "low", "close")
    return {
        "x": candles["open_time"].to_numpy(np.float64),
        **{name: candles[name].to_numpy(np.float64) for name in words},
        "hovertemplate": "  ".join(f"{name[0].upper()} %{{{name}:{number}}}" for name in words),
    }


def _volume_bars(candles: pd.DataFrame) -> go.Bar:
    rising = (candles["close"] >= candles["open"]).to_numpy()
    return go.Bar(
        x=candles["open_time"].to_numpy(np.float64),
        y=candles["volume"].to_numpy(np.float64),
        yaxis="y2",
        name="Volume",
        marker={
            "color": np.where(rising, translucent(RISING, 0.55), translucent(FALLING, 0.55)),
            "line": {"width": 0},
        },
        hovertemplate="%{y:.4~s}",
        showlegend=False,
    )


def _line(candles: pd.DataFrame, overlay: Overlay, about: ChartFrame, colour: str) -> go.Scatter:
    x, y = broken_at_holes(
        candles["open_time"].to_numpy(np.int64),
        np.asarray(overlay.values, np.float64),
        about.interval,
    )
    return go.Scatter(
        x=x,
        y=y,
        name=overlay.name,
        mode="lines",
        line={"color": colour, "width": 1.6},
        connectgaps=False,
        hovertemplate=f"%{{y:,.{about.digits}f}}",
    )


def _drawn(window: Window, interval: Interval) -> Window:
    """Where the missing candles would stand: one is drawn around its open time, not after it."""
    half = interval.ms // 2
    return Window(window.start_ms - half, window.end_ms - half)


def _shades(holes: Sequence[Hole], interval: Interval) -> list[dict[str, object]]:
    drawn = [_drawn(hole.window, interval) for hole in holes]
    return [
        {"type": "rect", "x0": window.start_ms, "x1": window.end_ms}
        | {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
        | {"fillcolor": OUTAGE, "line": {"width": 0}}
        for window in drawn
    ]


def _hole_marks(candles: pd.DataFrame, holes: Sequence[Hole], interval: Interval) -> go.Scatter:
    """Unseen points in the holes, so that the hover has a word for where there is no candle."""
    x: list[int] = []
    words: list[str] = []
    for hole in holes:
        length = hole.window.end_ms - hole.window.start_ms
        step = max(MINUTE_MS, interval.ms, length // _HOVER_MARKS_PER_HOLE)
        marks = range(hole.window.start_ms, hole.window.end_ms, step)
        x.extend(marks)
        words.extend([hole.words] * len(marks))
    return go.Scatter(
        x=np.asarray(x, np.float64),
        y=np.full(len(x), float(candles["close"].median())),
        text=words,
        mode="markers",
        marker={"opacity": 0, "color": CROSSHAIR},
        name="No candles",
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _last(candles: pd.DataFrame) -> tuple[float, str]:
    last = candles.iloc[-1]
    return float(last["close"]), RISING if last["close"] >= last["open"] else FALLING


def _last_price_line(candles: pd.DataFrame) -> dict[str, object]:
    close, colour = _last(candles)
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": close, "y1": close} | {
        "line": {"color": colour, "width": 1, "dash": "dot"}
    }


def _last_price_tag(candles: pd.DataFrame, about: ChartFrame) -> dict[str, object]:
    close, colour = _last(candles)
    return {"xref": "paper", "x": 1, "xanchor": "left", "y": close, "showarrow": False} | {
        "text": f"{close:,.{about.digits}f}",
        "font": {"color": "white", "size": 11},
        "bgcolor": colour,
        "borderpad": 2,
    }


def hole_words(reason: str, window: Window) -> str:
    """`outage 24 Mar 12:40 to 14:00 UTC`, for the hover and the list below the chart."""
    start, end = from_ms(window.start_ms), from_ms(window.end_ms)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %H:%M}"
    return f"{reason} {start:%d %b %H:%M} to {until} UTC"
