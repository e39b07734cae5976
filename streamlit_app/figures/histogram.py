"""A distribution as a histogram: mean, median, and the bell curve it would be were it normal."""

import math

import numpy as np
import plotly.graph_objects as go

from crypto_assets.analytics.distribution import Distribution
from streamlit_app.colours import OVERLAYS, RISING, make_translucent
from streamlit_app.figures.static_layout import add_marks, build_mark, build_static_layout

_CURVE_POINTS = 120


def draw_histogram(found: Distribution, ticks: str) -> go.Figure:
    """`ticks` is how a value is written, as d3 has it."""
    layout = build_static_layout(
        xaxis={"tickformat": ticks, "nticks": 6},
        yaxis={"title": {"text": "candles", "font": {"size": 11}}, "side": "right", "nticks": 5},
    )
    figure = go.Figure(layout=layout)
    if not found.bins:
        return figure
    width = found.bins[0].high - found.bins[0].low
    figure.add_trace(
        go.Bar(
            x=[(one.low + one.high) / 2 for one in found.bins],
            y=[one.count for one in found.bins],
            width=[(one.high - one.low) * 0.94 for one in found.bins],
            customdata=[[one.low, one.high] for one in found.bins],
            marker={"color": make_translucent(RISING, 0.7), "line": {"width": 0}},
            hovertemplate=f"%{{customdata[0]:{ticks}}} to %{{customdata[1]:{ticks}}}: %{{y:,}}"
            "<extra></extra>",
        )
    )
    if found.std > 0 and len(found.bins) > 1:
        figure.add_trace(_draw_bell_curve(found, width))
    return add_marks(
        figure,
        [build_mark("x", found.mean, "mean"), build_mark("x", found.quantiles["0.5"], "", "dot")],
    )


def _draw_bell_curve(found: Distribution, width: float) -> go.Scatter:
    at = np.linspace(found.minimum, found.maximum, _CURVE_POINTS)
    heights = np.exp(-(((at - found.mean) / found.std) ** 2) / 2)
    scale = found.count * width / (found.std * math.sqrt(2 * math.pi))
    return go.Scatter(
        x=at,
        y=heights * scale,
        mode="lines",
        line={"color": OVERLAYS[0], "width": 1.6},
        hoverinfo="skip",
    )
