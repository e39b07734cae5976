"""What the page Settings asks: symbols here and at the exchange, choices, and the change log."""

from dataclasses import replace

import streamlit as st

from crypto_assets import wiring
from crypto_assets.exchange import RequestRetryPolicy, open_exchange
from crypto_assets.market.symbols import SymbolStatus
from crypto_assets.pipeline.alerting.destination import AlertAddress
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.runtime_settings import (
    EffectiveSetting,
    read_effective_settings,
)
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import RegisteredSymbol
from crypto_assets.warehouse.catalog.app_settings import SettingChange
from streamlit_app.data.shared import FRESH_SECONDS, get_pipeline_context

# A person waits for the answer; a run would ask longer.
_INTERACTIVE_RETRY_POLICY = RequestRetryPolicy(
    attempts=2, max_retry_after=5.0, max_budget_wait=5.0, connect_timeout=2.0, read_timeout=10.0
)
# Its answer has megabytes, and new listings are rare.
_LISTED_SECONDS = 900
_MAX_CHANGES = 200


@st.cache_resource(show_spinner=False)
def get_interactive_context() -> PipelineContext:
    """The platform, whose exchange is not asked for minutes while somebody looks on."""
    chosen = get_settings()
    exchange = open_exchange(chosen.exchange_url, chosen.archive_url, _INTERACTIVE_RETRY_POLICY)
    return replace(get_pipeline_context(), exchange=exchange)


@st.cache_resource(show_spinner=False)
def get_alert_destination() -> AlertAddress:
    return wiring.open_alert_destination(get_settings(), get_pipeline_context().warehouse)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_symbols() -> list[RegisteredSymbol]:
    """Tracked ones and retired ones. Raises WarehouseError."""
    return get_pipeline_context().warehouse.symbols.list_all()


@st.cache_data(ttl=_LISTED_SECONDS, max_entries=1, show_spinner="Asking the exchange …")
def query_listed_symbols() -> list[str]:
    """Names of all that the exchange trades. Raises ExchangeError."""
    found = get_interactive_context().exchange.rest.fetch_exchange_info().symbols.values()
    return sorted(one.name for one in found if one.status is SymbolStatus.TRADING)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_runtime_settings() -> dict[str, EffectiveSetting]:
    """Raises WarehouseError."""
    return read_effective_settings(get_pipeline_context())


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_setting_changes() -> list[SettingChange]:
    """Newest first. Raises WarehouseError."""
    return get_pipeline_context().warehouse.app_settings.list_changes(_MAX_CHANGES)


def get_webhook() -> Webhook:
    """Not kept: its address is a secret. Raises WarehouseError."""
    return get_alert_destination().read_webhook()
