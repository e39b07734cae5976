"""What the page Analytics asks of the warehouse."""

import streamlit as st

from crypto_assets.market.intervals import Interval
from crypto_assets.reports import Chart, Statistics
from streamlit_app.data.shared import FRESH_SECONDS, reports

Switches = tuple[tuple[str, tuple[tuple[str, object], ...]], ...]


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def statistics_24h(symbol: str) -> Statistics | None:
    return reports().statistics_24h(symbol)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def chart(symbol: str, interval: Interval, switches: Switches, limit: int) -> Chart:
    """The newest candles and the providers switched on, each with its parameters."""
    wanted = [(name, dict(params)) for name, params in switches]
    return reports().chart(symbol, interval, wanted, limit=limit)
