"""The queries of the page Pipeline."""

from io import BytesIO

import streamlit as st

from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator import RunSummary
from crypto_assets.reports import DeduplicationReport, ExplorerDataset, RowPage
from crypto_assets.reports.table_files import FileKind, write_table_file
from streamlit_app.data.shared import FRESH_SECONDS, get_orchestrator, get_reports

MAX_RUNS = 50


@st.cache_data(ttl=FRESH_SECONDS, max_entries=20, show_spinner=False)
def query_runs(statuses: tuple[str, ...], job: str | None) -> list[RunSummary]:
    return get_orchestrator().list_recent_runs(MAX_RUNS, statuses, job)


@st.cache_data(ttl=300, max_entries=1, show_spinner=False)
def query_job_names() -> list[str]:
    return get_orchestrator().list_job_names()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def query_ingestion_log(limit: int, after: LakeObject | None) -> list[LakeObject]:
    return get_reports().list_ingestion_log(limit, after=after)


@st.cache_data(ttl=30, max_entries=5, show_spinner=False)
def query_deduplication(days: int) -> DeduplicationReport:
    return get_reports().get_deduplication(days)


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def query_table_sizes() -> dict[str, int]:
    return get_reports().get_table_sizes()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_rows(
    dataset: ExplorerDataset, symbol: str, window: Window, before: int | None, limit: int
) -> RowPage:
    return get_reports().get_row_page(dataset, symbol, window, before, limit)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def query_order_book(symbol: str, last_update_id: int) -> OrderBook | None:
    return get_reports().get_order_book(symbol, last_update_id)


def export_rows(dataset: ExplorerDataset, symbol: str, window: Window, kind: FileKind) -> bytes:
    """Return all rows of a window as a file, without a cache."""
    out = BytesIO()
    write_table_file(get_reports().get_all_rows(dataset, symbol, window), out, kind)
    return out.getvalue()
