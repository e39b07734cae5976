"""What the app works with, one of each for all viewers, and the reads of every page."""

import streamlit as st

from crypto_assets import wiring
from crypto_assets.exchange import Patience, open_exchange
from crypto_assets.health_monitor import HealthMonitor
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Dashboard, Flow, Instrument, Reports
from crypto_assets.settings import get_settings

# Shorter than the shortest interval at which a page refreshes itself.
FRESH_SECONDS = 4
# For connecting and for an answer: a page waits no longer than a person would.
_ORCHESTRATOR_SECONDS = (1.0, 15.0)
_ONCE = Patience(attempts=1, longest_turn=4.0, connect_timeout=2.0, read_timeout=4.0)

# Names of the parts beside the warehouse, as `health` knows them.
DAGSTER, EXCHANGE = "Dagster", "exchange"


@st.cache_resource(show_spinner=False, on_release=Reports.close)
def reports() -> Reports:
    return wiring.open_reports(get_settings())


@st.cache_resource(show_spinner=False)
def platform() -> PipelineContext:
    """For the use cases that a page starts. Raises WrongUse where the settings contradict."""
    return wiring.open_pipeline_context(get_settings())


@st.cache_resource(show_spinner=False)
def orchestrator() -> Orchestrator:
    return Orchestrator(get_settings().dagster_url, _ORCHESTRATOR_SECONDS)


@st.cache_resource(show_spinner=False, on_release=HealthMonitor.close)
def _health() -> HealthMonitor:
    chosen = get_settings()
    dagster = Orchestrator(chosen.dagster_url, (1.0, 4.0))
    rest = open_exchange(chosen.exchange_url, chosen.archive_url, _ONCE).rest
    return HealthMonitor({DAGSTER: dagster.require_healthy_daemons, EXCHANGE: rest.server_time})


def health() -> dict[str, str | None]:
    """By part, None where it works, else what is wrong; never waits, so at first it is empty."""
    return _health().list_latest_results()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def dashboard() -> Dashboard:
    return reports().dashboard()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def flow() -> Flow:
    return reports().flow()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def instruments() -> list[Instrument]:
    return reports().instruments()
