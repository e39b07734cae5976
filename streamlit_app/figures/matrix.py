"""A correlation matrix as coloured squares: blue moves alike, orange against each other."""

import math

import plotly.graph_objects as go

from crypto_assets.analytics.providers.correlation_matrix import CorrelationMatrix
from streamlit_app.colours import FALLING, RISING, translucent
from streamlit_app.figures.static_layout import still_layout

_WRITTEN = 12  # symbols, up to which the squares have room for their number
_SCALE = [[0, FALLING], [0.5, translucent(RISING, 0)], [1, RISING]]


def matrix_chart(found: CorrelationMatrix) -> go.Figure:
    """Each symbol with each, the first one at the top; what is undefined has no colour."""
    few = len(found.symbols) <= _WRITTEN
    return go.Figure(
        go.Heatmap(
            x=found.symbols,
            y=found.symbols,
            z=[[None if math.isnan(one) else one for one in row] for row in found.matrix],
            text=[[_written(one) for one in row] for row in found.matrix],
            texttemplate="%{text}" if few else None,
            customdata=found.pairs,
            zmin=-1,
            zmax=1,
            colorscale=_SCALE,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{y} and %{x}: %{text}, of %{customdata:,} returns<extra></extra>",
        ),
        layout=still_layout(
            xaxis={"side": "bottom", "showgrid": False},
            yaxis={"autorange": "reversed", "showgrid": False},
        ),
    )


def _written(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2f}"
