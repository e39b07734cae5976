"""A Plotly chart that is updated in place.

`st.plotly_chart` builds a new chart whenever its data changes. This component passes the new figure
to the existing chart.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from streamlit_app.components.script_libraries import PLOTLY
from streamlit_app.data import FRESH_SECONDS

_CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False}


@dataclass(frozen=True)
class CachedFigure:
    """A Plotly figure as JSON, and its height in pixels."""

    figure_json: str
    height: int


_HERE = Path(__file__)
_component = st.components.v2.component(
    "live_chart",
    html='<div class="live-chart" role="figure"></div>',
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    # Plotly adds its styles to the page's head, which a shadow root does not see.
    isolate_styles=False,
)


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=200, show_spinner=False)
def get_cached_figure(
    cache_key: tuple[Hashable, ...], _draw: Callable[[], go.Figure]
) -> CachedFigure:
    """Return a figure that all viewers of the same data share.

    `cache_key` identifies the data that was read, and all that decides how it is drawn.
    """
    figure = _draw()
    return CachedFigure(figure.to_json(), figure.layout.height)


def render_live_chart(figure: CachedFigure, key: str, description: str) -> None:
    """Draw a figure. `description` is its text for screen readers."""
    _component(
        key=key,
        height=figure.height,
        data={
            "figure": figure.figure_json,
            "config": _CONFIG,
            "library": PLOTLY.script_name,
            "description": description,
            "height": figure.height,
        },
    )
