"""A Plotly chart that is updated in place.

`st.plotly_chart` builds a new chart whenever its data changes, and every new candle would reset the
viewer's zoom. This component passes the new figure to the existing chart. It reports the visible
range, shows the values under the crosshair, and saves itself as a picture.
"""

from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from crypto_assets.market.utc_time import Window
from streamlit_app.components.script_libraries import PLOTLY
from streamlit_app.data import FRESH_SECONDS

_ZOOM_CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "responsive": True,
    "doubleClick": "autosize",
    "modeBarButtonsToRemove": [
        *("lasso2d", "select2d", "sendChartToCloud", "resetScale2d", "toImage"),
    ],
}
_STATIC_CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False}


@dataclass(frozen=True)
class CachedFigure:
    """A Plotly figure as JSON, and its height in pixels."""

    figure_json: str
    height: int


@dataclass(frozen=True)
class PictureRequest:
    """A file name without its suffix, and how many pictures this session has requested."""

    name: str
    requests: int


_HERE = Path(__file__)
_component = st.components.v2.component(
    "live_chart",
    html='<div class="live-chart" role="figure"></div>',
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
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


def render_live_chart(
    figure: CachedFigure,
    key: str,
    description: str,
    *,
    scope: str = "",
    view: Window | None = None,
    on_view: Callable[[], None] | None = None,
    picture: PictureRequest | None = None,
) -> None:
    """Draw a figure. `description` is its text for screen readers.

    With `on_view` the chart can be zoomed. `on_view` is called after each zoom and finds
    `{"scope", "from", "to"}` (epoch ms, or None for the whole chart) at
    `st.session_state[key].view`. The zoom starts at `view` and lasts until `scope` changes.
    """
    _component(
        key=key,
        height=figure.height,
        data={
            "figure": figure.figure_json,
            "config": _ZOOM_CONFIG if on_view else _STATIC_CONFIG,
            "library": PLOTLY.script_name,
            "description": description,
            "height": figure.height,
            "scope": scope,
            "view": [view.start_ms, view.end_ms] if view else None,
            "picture": asdict(picture) if picture else None,
        },
        on_view_change=on_view,
    )
