"""How often candles, or order books, are fetched: shown, and changed for the next tick."""

from functools import partial

import streamlit as st

from crypto_assets.pipeline.control.runtime_settings import INTERVAL_SETTINGS, override_settings
from streamlit_app import data
from streamlit_app.actions import request_dialog, run_action


def render_interval_button(setting: str, name: str, minutes: int, allowed: bool) -> None:
    """`Every 5 min`, which opens a dialog that changes it."""
    label = "Every minute" if minutes == 1 else f"Every {minutes} min"
    if st.button(
        label,
        icon=":material/timer:",
        type="tertiary",
        key=f"interval_{setting}",
        help="Change how often it fetches.",
        disabled=not allowed,
    ):
        request_dialog(partial(_render_interval_dialog, setting, name, minutes))


@st.dialog("How often?")
def _render_interval_dialog(setting: str, name: str, minutes: int) -> None:
    bounds = INTERVAL_SETTINGS[setting]
    chosen = st.number_input(
        f"{name}: minutes between two fetches",
        min_value=int(bounds.minimum),
        max_value=int(bounds.maximum),
        value=minutes,
        step=1,
        key=f"minutes_{setting}",
    )
    st.caption(
        "Counts from the next tick on, without a restart. Ticks fall on whole multiples since "
        "midnight UTC where the interval divides a day."
    )
    if st.button("Save", type="primary", key="save_interval", disabled=chosen == minutes):
        run_action(partial(_save_interval, setting, name, int(chosen)))


def _save_interval(setting: str, name: str, minutes: int, who: str) -> str:
    override_settings(data.get_pipeline_context(), {setting: minutes}, who)
    return f"{name}: every {minutes} min, from the next tick on."
