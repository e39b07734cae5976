"""Settings: symbols, retention, alerts, appearance, environment, and the change log."""

from functools import partial

import streamlit as st

from streamlit_app import actions, auth
from streamlit_app.components import notices
from streamlit_app.components.tabs import render_tabs
from streamlit_app.settings import alerts, appearance, change_log, environment, retention, symbols

actions.render_requested_dialog()
can_write = auth.render_write_gate()
_PARTS = {
    "Symbols": lambda: symbols.render_symbol_settings(can_write),
    "Retention": lambda: retention.render_retention_settings(can_write),
    "Alerts": lambda: alerts.render_alert_settings(can_write),
    "Appearance": appearance.render_appearance,
    "Environment": environment.render_environment,
    "Change log": change_log.render_change_log,
}


@st.fragment(run_every="10s")
def render_settings_part(part: str) -> None:
    with notices.render_errors():
        _PARTS[part]()


render_tabs({part: partial(render_settings_part, part) for part in _PARTS})
actions.render_messages()
