"""The status line above every page: freshness of the candles, and unavailable services."""

from datetime import timedelta

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.reports import Concern, Dashboard
from streamlit_app import data
from streamlit_app.components import notices
from streamlit_app.format import humanize


@st.fragment(run_every="5s")
def render_freshness_line() -> None:
    """Draw the status line, and refresh it without the page."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _render_newest_candle()
    notices.render_unavailable_services()


def _render_newest_candle() -> None:
    try:
        dashboard = data.query_dashboard()
    except CryptoAssetsError:
        st.badge("No data", icon=":material/cloud_off:", color="orange")
        return
    _render_status_badge(dashboard)
    if dashboard.lag_ms is not None:
        lag = humanize.format_duration(timedelta(milliseconds=dashboard.lag_ms))
        st.caption(f"Slowest symbol: last candle closed {lag} ago", width="content")


def _render_status_badge(dashboard: Dashboard) -> None:
    stale = [item.symbol for item in dashboard.attention if item.concern is Concern.STALE]
    if dashboard.lag_ms is None:
        st.badge("No candles yet", icon=":material/hourglass_empty:", color="gray")
    elif stale:
        label = (
            f"Stale: {notices.escape_markdown(stale[0])}"
            if len(stale) == 1
            else f"{len(stale)} symbols stale"
        )
        st.badge(label, icon=":material/warning:", color="orange")
    else:
        st.badge("Live", icon=":material/check_circle:", color="blue")
