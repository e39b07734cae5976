"""Shows a Plotly figure that is updated in place.

`st.plotly_chart` builds a new chart whenever its data changes, and the viewer's zoom is lost with
every candle that arrives; this component hands the figure to the chart that stands already. It says
which part is zoomed to, shows values under the crosshair, and saves itself as a picture.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from crypto_assets.market.utc_time import Window
from streamlit_app.components import plotly_library
from streamlit_app.components.figure_cache import CachedFigure

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
_SCRIPT_FILES = ("live_chart.js", "readout.js", "zoom.js", "picture.js")


@dataclass(frozen=True)
class PictureRequest:
    """A file name without its suffix, and how often it was asked for in this session."""

    name: str
    asked: int


_component = st.components.v2.component(
    "live_chart",
    html='<div class="live-chart" role="figure"></div>',
    css=Path(__file__).with_name("live_chart.css").read_text(encoding="utf-8"),
    js="\n".join(
        Path(__file__).with_name(part).read_text(encoding="utf-8") for part in _SCRIPT_FILES
    ),
    # Plotly puts its own styles into the page's head, out of a shadow root's reach.
    isolate_styles=False,
)


def render_live_chart(
    drawn: CachedFigure,
    key: str,
    words: str,
    *,
    scope: str = "",
    view: Window | None = None,
    on_view: Callable[[], None] | None = None,
    picture: PictureRequest | None = None,
) -> None:
    """`words` names the chart for who cannot see it.

    With `on_view` it can be zoomed: that is called whenever the viewer has, and finds
    `{"scope", "from", "to"}` (epoch ms, or None for all) at `st.session_state[key].view`.
    Zoom lasts as long as `scope` stays the same; `view` is where it starts.
    """
    _component(
        key=key,
        height=drawn.height,
        data={
            "figure": drawn.figure_json,
            "config": _ZOOM_CONFIG if on_view else _STATIC_CONFIG,
            "library": plotly_library.SCRIPT_NAME,
            "words": words,
            "height": drawn.height,
            "scope": scope,
            "view": [view.start_ms, view.end_ms] if view else None,
            "picture": asdict(picture) if picture else None,
        },
        on_view_change=on_view,
    )
