"""The queries of the page Quality."""

from datetime import date

import streamlit as st

from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator import AssetCheck
from crypto_assets.reports import CoverageCalendar, QualityReport
from crypto_assets.warehouse import ExchangeConflict
from crypto_assets.warehouse.klines.revisions import Revision
from crypto_assets.warehouse.quality.gap_ledger import Gap
from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from streamlit_app.data.shared import FRESH_SECONDS, get_orchestrator, get_reports

MAX_LISTED_ROWS = 500
_MAX_CHECK_RESULTS = 60


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_quality_summary() -> QualityReport:
    return get_reports().get_quality(limit=1)


@st.cache_data(ttl=20, max_entries=10, show_spinner=False)
def query_coverage_calendar(first: date, last: date) -> CoverageCalendar:
    return get_reports().get_coverage_calendar(first, last)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def query_gaps(symbol: str | None, window: Window, include_filled: bool) -> list[Gap]:
    return get_reports().list_gaps(symbol, window, closed=include_filled, limit=MAX_LISTED_ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def query_revisions(symbol: str | None) -> list[Revision]:
    return get_reports().list_revisions(symbol, MAX_LISTED_ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def query_conflicts(symbol: str | None) -> list[ExchangeConflict]:
    return get_reports().list_conflicts(symbol, MAX_LISTED_ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def query_quarantine(symbol: str | None) -> list[QuarantineRecord]:
    return get_reports().list_quarantined(symbol, MAX_LISTED_ROWS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def query_asset_checks() -> list[AssetCheck]:
    return get_orchestrator().list_asset_checks(_MAX_CHECK_RESULTS)
