"""The heatmap of a correlation matrix: blue is positive, orange is negative."""

import math

import plotly.graph_objects as go

from crypto_assets.analytics.providers.correlation_matrix import CorrelationMatrix
from streamlit_app.colors import FALLING, RISING, make_translucent
from streamlit_app.figures.static_layout import build_static_layout

_MAX_LABELED_SYMBOLS = 12  # with more, the cells are too small for a number
_COLOR_SCALE = [[0, FALLING], [0.5, make_translucent(RISING, 0)], [1, RISING]]


def draw_correlation_matrix(matrix: CorrelationMatrix) -> go.Figure:
    """Draw the matrix, the first symbol at the top; undefined values have no color."""
    is_labeled = len(matrix.symbols) <= _MAX_LABELED_SYMBOLS
    return go.Figure(
        go.Heatmap(
            x=matrix.symbols,
            y=matrix.symbols,
            z=[[None if math.isnan(value) else value for value in row] for row in matrix.matrix],
            text=[[_format_correlation(value) for value in row] for row in matrix.matrix],
            texttemplate="%{text}" if is_labeled else None,
            customdata=matrix.pairs,
            zmin=-1,
            zmax=1,
            colorscale=_COLOR_SCALE,
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
