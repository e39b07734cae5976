"""What the page Quality asks: of the warehouse, and of Dagster about its checks."""

from datetime import date

import streamlit as st

from crypto_assets.orchestrator import AssetCheck
from crypto_assets.reports import Calendar, Quality
from crypto_assets.warehouse import ExchangeConflict
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from streamlit_app.data.shared import FRESH_SECONDS, orchestrator, reports

ROWS = 500
_VERDICTS = 60


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def summary() -> Quality:
    return reports().quality(limit=1)


@st.cache_data(ttl=20, max_entries=10, show_spinner=False)
def calendar(first: date, last: date) -> Calendar:
    return reports().calendar(first, last)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def gaps(symbol: str | None, closed: bool) -> list[Gap]:
    return reports().gaps(symbol, closed=closed, limit=ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def revisions(symbol: str | None) -> list[Revision]:
    return reports().revisions(symbol, ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def conflicts(symbol: str | None) -> list[ExchangeConflict]:
    return reports().conflicts(symbol, ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def quarantine(symbol: str | None) -> list[QuarantineRecord]:
    return reports().quarantine(symbol, ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def checks() -> list[AssetCheck]:
    return orchestrator().list_asset_checks(_VERDICTS)
