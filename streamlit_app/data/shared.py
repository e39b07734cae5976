"""What the app works with, one of each for all viewers, and the reads of every page."""

import streamlit as st

from crypto_assets import wiring
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.platform import Platform
from crypto_assets.reports import Dashboard, Instrument, Reports
from crypto_assets.settings import settings

# Shorter than the shortest interval at which a page refreshes itself.
FRESH_SECONDS = 4
# For connecting and for an answer: a page waits no longer than a person would.
_ORCHESTRATOR_SECONDS = (1.0, 15.0)


@st.cache_resource(show_spinner=False, on_release=Reports.close)
def reports() -> Reports:
    return wiring.open_reports(settings())


@st.cache_resource(show_spinner=False)
def platform() -> Platform:
    """For the use cases that a page starts. Raises WrongUse where the settings contradict."""
    return wiring.open_platform(settings())


@st.cache_resource(show_spinner=False)
def orchestrator() -> Orchestrator:
    return Orchestrator(settings().dagster_url, _ORCHESTRATOR_SECONDS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def dashboard() -> Dashboard:
    return reports().dashboard()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def instruments() -> list[Instrument]:
    return reports().instruments()
