"""Settings: symbols, retention, alerts, appearance; what the environment says; who changed what."""

import streamlit as st

from streamlit_app import acting, notices, writers
from streamlit_app.preferences import (
    alerts,
    appearance,
    change_log,
    environment,
    retention,
    symbols,
)

acting.tell()
allowed = writers.gate()
PARTS = {
    "Symbols": lambda: symbols.show(allowed),
    "Retention": lambda: retention.show(allowed),
    "Alerts": lambda: alerts.show(allowed),
    "Appearance": appearance.show,
    "Environment": environment.show,
    "Change log": change_log.show,
}
part = st.segmented_control(
    "Part",
    list(PARTS),
    default="Symbols",
    required=True,
    key="part",
    bind="query-params",
    label_visibility="collapsed",
)


@st.fragment(run_every="15s")
def shown() -> None:
    with notices.in_words():
        PARTS[part]()


shown()
