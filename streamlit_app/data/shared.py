"""What the app works with, one of each for all viewers, and the reads of every page."""

import streamlit as st

from crypto_assets import wiring
from crypto_assets.exchange import RequestRetryPolicy, open_exchange
from crypto_assets.health_monitor import HealthMonitor
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Dashboard, DataFlow, Instrument, Reports
from crypto_assets.settings import get_settings

# Shorter than the shortest interval at which a page refreshes itself.
FRESH_SECONDS = 4
# For connecting and for an answer: a page waits no longer than a person would.
_ORCHESTRATOR_SECONDS = (1.0, 15.0)
_SINGLE_ATTEMPT = RequestRetryPolicy(
    attempts=1, max_budget_wait=4.0, connect_timeout=2.0, read_timeout=4.0
)

# Names of the parts beside the warehouse, as `health` knows them.
DAGSTER, EXCHANGE = "Dagster", "exchange"


@st.cache_resource(show_spinner=False, on_release=Reports.close)
def get_reports() -> Reports:
    return wiring.open_reports(get_settings())


@st.cache_resource(show_spinner=False)
def get_pipeline_context() -> PipelineContext:
    """For the use cases that a page starts. Raises WrongUse where the settings contradict."""
    return wiring.open_pipeline_context(get_settings())


@st.cache_resource(show_spinner=False)
def get_orchestrator() -> Orchestrator:
    return Orchestrator(get_settings().dagster_url, _ORCHESTRATOR_SECONDS)


@st.cache_resource(show_spinner=False, on_release=HealthMonitor.close)
def _get_health() -> HealthMonitor:
    chosen = get_settings()
    dagster = Orchestrator(chosen.dagster_url, (1.0, 4.0))
    rest = open_exchange(chosen.exchange_url, chosen.archive_url, _SINGLE_ATTEMPT).rest
    return HealthMonitor(
        {DAGSTER: dagster.require_healthy_daemons, EXCHANGE: rest.fetch_server_time}
    )


def get_health() -> dict[str, str | None]:
    """By part, None where it works, else what is wrong; never waits, so at first it is empty."""
    return _get_health().list_latest_results()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_dashboard() -> Dashboard:
    return get_reports().get_dashboard()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_flow() -> DataFlow:
    return get_reports().get_data_flow()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_instruments() -> list[Instrument]:
    return get_reports().list_instruments()
