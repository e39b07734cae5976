"""The common layout of the figures on cards: small and without zoom."""

from typing import Any

import plotly.graph_objects as go

from streamlit_app.colors import CROSSHAIR

FIGURE_HEIGHT = 280  # pixels


def build_static_layout(**overrides: Any) -> go.Layout:
    """Build the common layout; `overrides` replace single properties."""
    layout: dict[str, Any] = {
        "template": "none",
        "height": FIGURE_HEIGHT,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "bargap": 0.06,
        "xaxis": {"automargin": True, "zeroline": False, "fixedrange": True},
        "yaxis": {"automargin": True, "zeroline": False, "fixedrange": True},
    }
    for name, value in overrides.items():
        are_dicts = isinstance(value, dict) and isinstance(layout.get(name), dict)
        layout[name] = layout[name] | value if are_dicts else value
    return go.Layout(layout)


def build_mark(axis: str, at: float, text: str, dash: str = "dash") -> dict[str, Any]:
    """Build a line across the figure at a value of the x or y axis, with a label at its end."""
    other = "y" if axis == "x" else "x"
    anchors = {"x": {"xanchor": "center", "yanchor": "bottom"}, "y": {"xanchor": "right"}}[axis]
    label = {f"{axis}": at, f"{other}": 1, f"{other}ref": "paper", "text": text}
    line = {"type": "line", f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1}
    return {
        "shape": line
        | {f"{other}ref": "paper", "line": {"color": CROSSHAIR, "width": 1, "dash": dash}},
        "label": label | anchors | {"showarrow": False, "font": {"size": 11}},
    }


def add_marks(figure: go.Figure, marks: list[dict[str, Any]]) -> go.Figure:
    """Add marks of `build_mark` to a figure."""
    return figure.update_layout(
        shapes=[mark["shape"] for mark in marks], annotations=[mark["label"] for mark in marks]
    )
