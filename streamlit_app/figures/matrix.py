"""A correlation matrix as coloured squares: blue moves alike, orange against each other."""

import math

import plotly.graph_objects as go

from crypto_assets.analytics.providers.correlation_matrix import CorrelationMatrix
from streamlit_app.colours import FALLING, RISING, make_translucent
from streamlit_app.figures.static_layout import build_static_layout

_MAX_LABELED_SYMBOLS = 12  # symbols, up to which the squares have room for their number
_COLOUR_SCALE = [[0, FALLING], [0.5, make_translucent(RISING, 0)], [1, RISING]]


def draw_correlation_matrix(found: CorrelationMatrix) -> go.Figure:
    """Each symbol with each, the first one at the top; what is undefined has no colour."""
    few = len(found.symbols) <= _MAX_LABELED_SYMBOLS
    return go.Figure(
        go.Heatmap(
            x=found.symbols,
            y=found.symbols,
            z=[[None if math.isnan(one) else one for one in row] for row in found.matrix],
            text=[[_format_correlation(one) for one in row] for row in found.matrix],
            texttemplate="%{text}" if few else None,
            customdata=found.pairs,
            zmin=-1,
            zmax=1,
            colorscale=_COLOUR_SCALE,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{y} and %{x}: %{text}, of %{customdata:,} returns<extra></extra>",
        ),
        layout=build_static_layout(
            xaxis={"side": "bottom", "showgrid": False},
            yaxis={"autorange": "reversed", "showgrid": False},
        ),
    )


def _format_correlation(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2f}"
