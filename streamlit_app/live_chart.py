"""Shows a Plotly figure that is updated in place.

`st.plotly_chart` builds a new chart whenever its data changes, and the viewer's zoom is lost with
every candle that arrives; this component hands the figure to the chart that stands already.
"""

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from streamlit_app import plotly_library

_CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "responsive": True,
    "doubleClick": "reset",
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "sendChartToCloud"],
}

_component = st.components.v2.component(
    "live_chart",
    html='<div class="live-chart" role="img"></div>',
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    # Plotly puts its own styles into the page's head, out of a shadow root's reach.
    isolate_styles=False,
)


def live_chart(figure: go.Figure, key: str, words: str) -> None:
    """`words` names the chart for who cannot see it."""
    _component(
        key=key,
        height=figure.layout.height,
        data={
            "figure": figure.to_json(),
            "config": _CONFIG,
            "library": plotly_library.NAME,
            "words": words,
            "height": figure.layout.height,
        },
    )
