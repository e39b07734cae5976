"""The resources that all viewers share, and the queries of every page."""

import streamlit as st

from crypto_assets import wiring
from crypto_assets.exchange import ExchangeMonitor
from crypto_assets.health_monitor import CHECK_REQUEST_SECONDS, HealthMonitor
from crypto_assets.market.utc_time import now_ms
from crypto_assets.orchestrator import Orchestrator
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Dashboard, DataFlow, Instrument, Reports
from crypto_assets.settings import get_settings

# Shorter than the shortest refresh interval of a page.
FRESH_SECONDS = 4
# Connect and read timeouts, bounded because a person waits.
_ORCHESTRATOR_TIMEOUTS = (1.0, 15.0)

# The services of `get_health`.
DAGSTER, EXCHANGE = "Dagster", "exchange"


@st.cache_resource(show_spinner=False, on_release=Reports.close)
def get_reports() -> Reports:
    return wiring.open_reports(get_settings(), lambda: _get_exchange_monitor().read_condition())


@st.cache_resource(show_spinner=False)
def get_pipeline_context() -> PipelineContext:
    """Return the context of use cases. Raises WrongUse if the settings are inconsistent."""
    return wiring.open_pipeline_context(get_settings())


@st.cache_resource(show_spinner=False)
def get_orchestrator() -> Orchestrator:
    return wiring.open_orchestrator(get_settings(), _ORCHESTRATOR_TIMEOUTS)


@st.cache_resource(show_spinner=False, on_release=HealthMonitor.close)
def _get_dagster_monitor() -> HealthMonitor:
    dagster = wiring.open_orchestrator(get_settings(), CHECK_REQUEST_SECONDS)
    return HealthMonitor({DAGSTER: dagster.require_healthy_daemons})


@st.cache_resource(show_spinner=False, on_release=ExchangeMonitor.close)
def _get_exchange_monitor() -> ExchangeMonitor:
    return wiring.open_exchange_monitor(get_settings())


def get_exchange_time() -> int:
    """Return the time of the exchange's clock (epoch ms), by the last probe of it."""
    return now_ms() + _get_exchange_monitor().read_condition().clock_lead_ms


def get_health() -> dict[str, str | None]:
    """Return the latest problem of each service, None if it works or is not checked yet."""
    return {
        DAGSTER: _get_dagster_monitor().list_latest_results().get(DAGSTER),
        EXCHANGE: _get_exchange_monitor().find_problem(),
    }


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_dashboard() -> Dashboard:
    return get_reports().get_dashboard()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_replica_lag() -> int:
    """Return by how many ms the replica is behind, 0 without one. Raises WarehouseError."""
    return get_reports().get_replica_lag()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_flow() -> DataFlow:
    return get_reports().get_data_flow()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_instruments() -> list[Instrument]:
    return get_reports().list_instruments()
