"""Pipeline: the way of the data with live counts, and what went along it."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import flow_diagram, notices
from streamlit_app.pipeline import data_explorer, deduplication, ingestion_log, runs, storage

_PARTS = {
    "Runs": runs.show,
    "Ingestion log": ingestion_log.show,
    "Deduplication": deduplication.show,
    "Storage": storage.show,
    "Data explorer": data_explorer.show,
}


@st.fragment(run_every="10s")
def flow() -> None:
    with notices.in_words():
        flow_diagram.show(data.flow())


flow()
for tab, show in zip(
    st.tabs(list(_PARTS), key="part", on_change="rerun", bind="query-params"),
    _PARTS.values(),
    strict=True,
):
    if tab.open:
        with tab:
            show()
