"""Settings: symbols, retention, alerts, appearance; what the environment says; who changed what."""

import streamlit as st

from streamlit_app import actions, auth
from streamlit_app.components import notices
from streamlit_app.settings import alerts, appearance, change_log, environment, retention, symbols

actions.tell()
allowed = auth.gate()
PARTS = {
    "Symbols": lambda: symbols.show(allowed),
    "Retention": lambda: retention.show(allowed),
    "Alerts": lambda: alerts.show(allowed),
    "Appearance": appearance.show,
    "Environment": environment.show,
    "Change log": change_log.show,
}


@st.fragment(run_every="10s")
def shown(part: str) -> None:
    with notices.in_words():
        PARTS[part]()


tabs = st.tabs(list(PARTS), key="part", on_change="rerun", bind="query-params")
for tab, part in zip(tabs, PARTS, strict=True):
    if tab.open:
        with tab:
            shown(part)
