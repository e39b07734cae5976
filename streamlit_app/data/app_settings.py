"""The queries of the page Settings: symbols, runtime settings, and the change log."""

from dataclasses import replace

import streamlit as st

from crypto_assets import wiring
from crypto_assets.exchange import RequestRetryPolicy, open_exchange
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.pipeline.alerting.destination import AlertAddress
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.chart_layouts import ChartLayout, list_layouts
from crypto_assets.pipeline.control.runtime_settings import (
    EffectiveSetting,
    read_effective_settings,
)
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import RegisteredSymbol
from crypto_assets.warehouse.catalog.app_settings import SettingChange
from streamlit_app.data.shared import FRESH_SECONDS, get_pipeline_context

# Shorter than in runs, because a person waits for the response.
_INTERACTIVE_RETRY_POLICY = RequestRetryPolicy(
    attempts=2, max_retry_after=5.0, max_budget_wait=5.0, connect_timeout=2.0, read_timeout=10.0
)
# The response has megabytes, and new listings are rare.
_LISTED_SECONDS = 900
_MAX_CHANGES = 200


@st.cache_resource(show_spinner=False)
def get_interactive_context() -> PipelineContext:
    """Return a pipeline context whose exchange has short timeouts."""
    settings = get_settings()
    exchange = open_exchange(settings.exchange_url, settings.archive_url, _INTERACTIVE_RETRY_POLICY)
    return replace(get_pipeline_context(), exchange=exchange)


@st.cache_resource(show_spinner=False)
def get_alert_destination() -> AlertAddress:
    return wiring.open_alert_destination(get_settings(), get_pipeline_context().warehouse)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_layouts() -> list[ChartLayout]:
    """Return the saved layouts of charts by name. Raises WarehouseError."""
    return list_layouts(get_pipeline_context().warehouse)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_symbols() -> list[RegisteredSymbol]:
    """Return tracked and untracked symbols. Raises WarehouseError."""
    return get_pipeline_context().warehouse.symbols.list_all()


@st.cache_data(ttl=_LISTED_SECONDS, max_entries=1, show_spinner="Loading the exchange's symbols …")
def query_listed_symbols() -> list[str]:
    """Return the names of all symbols that trade on the exchange. Raises ExchangeError."""
    listed = get_interactive_context().exchange.rest.fetch_exchange_info().symbols.values()
    return sorted(symbol.name for symbol in listed if symbol.status is SymbolStatus.TRADING)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_runtime_settings() -> dict[str, EffectiveSetting]:
    """Return the settings that can change at runtime. Raises WarehouseError."""
    return read_effective_settings(get_pipeline_context())


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_setting_changes() -> list[SettingChange]:
    """Return the change log, newest first. Raises WarehouseError."""
    return get_pipeline_context().warehouse.app_settings.list_changes(_MAX_CHANGES)
