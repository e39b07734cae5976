"""The pages' data: one warehouse for all viewers, and reads that they share for some seconds."""

import streamlit as st

from crypto_assets.market.intervals import Interval
from crypto_assets.reports import Chart, Dashboard, Instrument, Reports, Statistics
from crypto_assets.settings import settings
from crypto_assets.wiring import open_reports

# Shorter than the shortest interval at which a page refreshes itself.
FRESH_SECONDS = 4

Switches = tuple[tuple[str, tuple[tuple[str, object], ...]], ...]


@st.cache_resource(show_spinner=False, on_release=Reports.close)
def _reports() -> Reports:
    return open_reports(settings())


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def dashboard() -> Dashboard:
    return _reports().dashboard()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def instruments() -> list[Instrument]:
    return _reports().instruments()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def statistics_24h(symbol: str) -> Statistics | None:
    return _reports().statistics_24h(symbol)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def chart(symbol: str, interval: Interval, switches: Switches, limit: int) -> Chart:
    """The newest candles and the providers switched on, each with its parameters."""
    wanted = [(name, dict(params)) for name, params in switches]
    return _reports().chart(symbol, interval, wanted, limit=limit)
