"""The pages' reads, which all viewers share for some seconds.

What every page asks is here; what one page asks stands in a module of that page's name.
"""

from streamlit_app.data.shared import (
    DAGSTER,
    EXCHANGE,
    FRESH_SECONDS,
    get_health,
    get_orchestrator,
    get_pipeline_context,
    get_reports,
    query_dashboard,
    query_flow,
    query_instruments,
)

__all__ = [
    "DAGSTER",
    "EXCHANGE",
    "FRESH_SECONDS",
    "get_health",
    "get_orchestrator",
    "get_pipeline_context",
    "get_reports",
    "query_dashboard",
    "query_flow",
    "query_instruments",
]
