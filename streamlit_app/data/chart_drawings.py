"""The queries of the drawings on the candle chart."""

import streamlit as st

from crypto_assets.market.chart_drawings import ChartDrawing
from streamlit_app.data.shared import FRESH_SECONDS, get_pipeline_context


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_drawings(symbol: str, last_change: str) -> list[ChartDrawing]:
    """Return the drawings of a symbol by their ids. Raises WarehouseError.

    They contain the change that `last_change` identifies: it is a part of the cache's key.
    """
    return get_pipeline_context().warehouse.chart_drawings.list_drawings(symbol)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_all_drawings() -> dict[str, list[ChartDrawing]]:
    """Return all drawings by symbol. Raises WarehouseError."""
    return get_pipeline_context().warehouse.chart_drawings.list_all_drawings()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_exchange_name() -> str:
    """Return the exchange of the warehouse, empty before the first fetch. Raises WarehouseError."""
    return get_pipeline_context().warehouse.app_settings.get_exchange() or ""
