"""The queries of the page Alerts."""

import streamlit as st

from crypto_assets.warehouse.catalog.price_alerts import PriceAlertEvent, StoredRule
from streamlit_app.data.shared import FRESH_SECONDS, get_pipeline_context

MAX_LISTED_EVENTS = 500


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_rules() -> list[StoredRule]:
    """Return the rules, oldest first. Raises WarehouseError."""
    return get_pipeline_context().warehouse.price_alerts.list_rules()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_events() -> list[PriceAlertEvent]:
    """Return the log, latest first. Raises WarehouseError."""
    return get_pipeline_context().warehouse.price_alerts.list_events(MAX_LISTED_EVENTS)
