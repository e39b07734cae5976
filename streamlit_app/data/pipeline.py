"""What the page Pipeline asks: of the warehouse, and of Dagster about its runs."""

from io import BytesIO

import streamlit as st

from crypto_assets.market.lake_object import LakeObject
from crypto_assets.market.order_book import OrderBook
from crypto_assets.market.utc_time import Window
from crypto_assets.orchestrator import RunSummary
from crypto_assets.reports import Dataset, Deduplication, Rows
from crypto_assets.reports.table_files import FileKind, write_file
from streamlit_app.data.shared import FRESH_SECONDS, orchestrator, reports

RUNS = 50


@st.cache_data(ttl=FRESH_SECONDS, max_entries=1, show_spinner=False)
def runs() -> list[RunSummary]:
    return orchestrator().list_recent_runs(RUNS)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=50, show_spinner=False)
def log(limit: int, after: LakeObject | None) -> list[LakeObject]:
    return reports().ingestion_log(limit, after=after)


@st.cache_data(ttl=30, max_entries=5, show_spinner=False)
def deduplication(days: int) -> Deduplication:
    return reports().deduplication(days)


@st.cache_data(ttl=30, max_entries=1, show_spinner=False)
def table_sizes() -> dict[str, int]:
    return reports().table_sizes()


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def rows(dataset: Dataset, symbol: str, window: Window, before: int | None, limit: int) -> Rows:
    return reports().rows(dataset, symbol, window, before, limit)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=100, show_spinner=False)
def book(symbol: str, last_update_id: int) -> OrderBook | None:
    return reports().book_of(symbol, last_update_id)


def export(dataset: Dataset, symbol: str, window: Window, kind: FileKind) -> bytes:
    """Made when it is asked for, and kept by nobody."""
    out = BytesIO()
    write_file(reports().all_rows(dataset, symbol, window), out, kind)
    return out.getvalue()
