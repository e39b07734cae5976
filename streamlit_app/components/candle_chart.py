"""The candle chart of the page Analytics, which TradingView's Lightweight Charts draws.

Its script holds the candles that it has received. A message has the candles of one window, which
the script joins to those that it has, so that history is loaded as the viewer scrolls.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from crypto_assets.market.utc_time import Window
from streamlit_app.components.chart_drawings import (
    DRAWING_STYLES,
    DrawingState,
    describe_drawings,
)
from streamlit_app.components.chart_scripts import get_entry_path
from streamlit_app.components.script_libraries import LIGHTWEIGHT_CHARTS

_HERE = Path(__file__)
_component = st.components.v2.component(
    "candle_chart",
    html='<div class="candle-chart" role="figure"></div>',
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8") + DRAWING_STYLES,
    js=_HERE.with_name("chart_loader.js").read_text(encoding="utf-8"),
    # The library adds its styles to the page's head, which a shadow root does not see.
    isolate_styles=False,
)


@dataclass(frozen=True)
class PictureRequest:
    """A file name without its suffix, its source, and how many this session has requested."""

    name: str
    source: str
    requests: int


@dataclass(frozen=True)
class AlertLine:
    """The level of a price alert, and its condition in words.

    `pane` is the key of the indicator that it compares, empty for prices.
    """

    pane: str
    level: float
    text: str


@dataclass(frozen=True)
class ChartDisplay:
    """How the candles are shown.

    `home` is the window of the range named by `scope`; `view` is the viewer's own, which lasts
    until the scope changes. `zone` is empty if the viewer has not chosen one in the address.
    `can_write` is whether the viewer can add alerts. `replay` is the moment (epoch ms) of a replay
    that a new chart continues.
    """

    scope: str
    home: Window
    view: Window | None
    chart_type: str
    scale: str
    zone: str
    has_markers: bool
    alerts: tuple[AlertLine, ...]
    can_write: bool
    replay: int | None


@dataclass(frozen=True)
class ChartCallbacks:
    """What is called after a gesture of the viewer; each finds its value in the session state.

    `on_view` is called after each zoom, and when candles are missing in it. It finds `{"scope",
    "from", "to", "load", "replay"}` at `st.session_state[key].view`: epoch ms, or None for the
    whole range; `load` is a further window to read, or None, and `replay` the moment of a replay.
    `zone`, `scale` and `markers` (whether they are shown) are the viewer's choices. `legend` is
    `{"action", "key"}`: `toggle`, `settings` or `remove` of an indicator. `alert` is `{"price"}` as
    text, at which the viewer adds an alert. `drawings` are changed drawings, which the browser
    sends again until a `DrawingAnswer` has their batch.
    """

    on_view: Callable[[], None]
    on_zone: Callable[[], None]
    on_scale: Callable[[], None]
    on_markers: Callable[[], None]
    on_legend: Callable[[], None]
    on_alert: Callable[[], None]
    on_drawings: Callable[[], None]


def render_candle_chart(
    content: str,
    display: ChartDisplay,
    key: str,
    description: str,
    picture: PictureRequest,
    drawings: DrawingState,
    callbacks: ChartCallbacks,
) -> None:
    """Draw `content`, the JSON of `build_chart_content`. `description` is for screen readers."""
    _component(
        key=key,
        data={
            "script": get_entry_path(),
            "library": LIGHTWEIGHT_CHARTS.script_name,
            "content": content,
            "description": description,
            "scope": display.scope,
            "home": [display.home.start_ms, display.home.end_ms],
            "view": [display.view.start_ms, display.view.end_ms] if display.view else None,
            "type": display.chart_type.lower(),
            "scale": display.scale,
            "zone": display.zone,
            "markers": display.has_markers,
            "alerts": [asdict(line) for line in display.alerts],
            "can_write": display.can_write,
            "replay": display.replay,
            "picture": asdict(picture),
            "drawings": describe_drawings(drawings),
        },
        on_view_change=callbacks.on_view,
        on_zone_change=callbacks.on_zone,
        on_scale_change=callbacks.on_scale,
        on_markers_change=callbacks.on_markers,
        on_legend_change=callbacks.on_legend,
        on_alert_change=callbacks.on_alert,
        on_drawings_change=callbacks.on_drawings,
    )
