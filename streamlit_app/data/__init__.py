"""The pages' reads, which all viewers share for some seconds.

What every page asks is here; what one page asks stands in a module of that page's name.
"""

from streamlit_app.data.shared import (
    DAGSTER,
    EXCHANGE,
    FRESH_SECONDS,
    dashboard,
    flow,
    health,
    instruments,
    orchestrator,
    platform,
    reports,
)

__all__ = [
    "DAGSTER",
    "EXCHANGE",
    "FRESH_SECONDS",
    "dashboard",
    "flow",
    "health",
    "instruments",
    "orchestrator",
    "platform",
    "reports",
]
