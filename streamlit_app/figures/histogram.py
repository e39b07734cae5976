"""The histogram of a distribution, with its mean, its median, and the normal curve."""

import math

import numpy as np
import plotly.graph_objects as go

from crypto_assets.analytics.distribution import Distribution
from streamlit_app.colors import LINE_COLORS, RISING, make_translucent
from streamlit_app.figures.static_layout import add_marks, build_mark, build_static_layout

_CURVE_POINTS = 120


def draw_histogram(distribution: Distribution, tick_format: str) -> go.Figure:
    """Draw a distribution. `tick_format` is the d3 format of its values."""
    layout = build_static_layout(
        xaxis={"tickformat": tick_format, "nticks": 6},
        yaxis={"title": {"text": "candles", "font": {"size": 11}}, "side": "right", "nticks": 5},
    )
    figure = go.Figure(layout=layout)
    if not distribution.bins:
        return figure
    width = distribution.bins[0].high - distribution.bins[0].low
    figure.add_trace(
        go.Bar(
            x=[(bar.low + bar.high) / 2 for bar in distribution.bins],
            y=[bar.count for bar in distribution.bins],
            width=[(bar.high - bar.low) * 0.94 for bar in distribution.bins],
            customdata=[[bar.low, bar.high] for bar in distribution.bins],
            marker={"color": make_translucent(RISING, 0.7), "line": {"width": 0}},
            hovertemplate=f"%{{customdata[0]:{tick_format}}} to %{{customdata[1]:{tick_format}}}: "
            "%{y:,}<extra></extra>",
        )
    )
    if distribution.std > 0 and len(distribution.bins) > 1:
        figure.add_trace(_draw_normal_curve(distribution, width))
    return add_marks(
        figure,
        [
            build_mark("x", distribution.mean, "mean"),
            build_mark("x", distribution.quantiles["0.5"], "", "dot"),
        ],
    )


def _draw_normal_curve(distribution: Distribution, width: float) -> go.Scatter:
    at = np.linspace(distribution.minimum, distribution.maximum, _CURVE_POINTS)
    heights = np.exp(-(((at - distribution.mean) / distribution.std) ** 2) / 2)
    scale = distribution.count * width / (distribution.std * math.sqrt(2 * math.pi))
    return go.Scatter(
        x=at,
        y=heights * scale,
        mode="lines",
        line={"color": LINE_COLORS["violet"], "width": 1.6},
        hoverinfo="skip",
    )
