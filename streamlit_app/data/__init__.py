"""The queries of the pages, cached for a few seconds and shared by all viewers.

This package exports the queries of every page. Those of one page are in the module of its name.
"""

from streamlit_app.data.shared import (
    DAGSTER,
    EXCHANGE,
    FRESH_SECONDS,
    get_exchange_time,
    get_health,
    get_orchestrator,
    get_pipeline_context,
    get_reports,
    query_dashboard,
    query_flow,
    query_instruments,
    query_replica_lag,
)

__all__ = [
    "DAGSTER",
    "EXCHANGE",
    "FRESH_SECONDS",
    "get_exchange_time",
    "get_health",
    "get_orchestrator",
    "get_pipeline_context",
    "get_reports",
    "query_dashboard",
    "query_flow",
    "query_instruments",
    "query_replica_lag",
]
