"""A figure ready to be sent, made once for all viewers who look at the same numbers."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from streamlit_app.data import FRESH_SECONDS


@dataclass(frozen=True)
class CachedFigure:
    """A Plotly figure as JSON, and its height in pixels."""

    figure_json: str
    height: int


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=200, show_spinner=False)
def get_cached_figure(what: tuple[Hashable, ...], _make: Callable[[], go.Figure]) -> CachedFigure:
    """`what` names the numbers, as they were read, and everything that decides how they look."""
    figure = _make()
    return CachedFigure(figure.to_json(), figure.layout.height)
