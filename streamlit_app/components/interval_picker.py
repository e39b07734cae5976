"""The interval of a chart: the favorites of this browser as buttons, all others in a menu."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

_HERE = Path(__file__)
_component = st.components.v2.component(
    "interval_picker",
    html='<div class="interval-picker"></div>',
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    # The keyboard of the chart looks for menus that are open, which a shadow root hides.
    isolate_styles=False,
)


def render_interval_picker(
    intervals: Sequence[str], chosen: str, key: str, on_choice: Callable[[], None]
) -> None:
    """Draw the intervals. `on_choice` finds the new one at `st.session_state[key].interval`."""
    _component(
        key=key,
        data={"intervals": [str(interval) for interval in intervals], "chosen": str(chosen)},
        on_interval_change=on_choice,
        width="content",
    )
