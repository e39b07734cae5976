"""Pipeline: the data flow with live counts, and a tab per view of the pipeline."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import flow_diagram, notices
from streamlit_app.components.tabs import render_tabs
from streamlit_app.pipeline import data_explorer, deduplication, ingestion_log, runs, storage

_PARTS = {
    "Runs": runs.render_runs,
    "Ingestion log": ingestion_log.render_ingestion_log,
    "Deduplication": deduplication.render_deduplication,
    "Storage": storage.render_storage,
    "Data explorer": data_explorer.render_data_explorer,
}


@st.fragment(run_every="10s")
def render_flow() -> None:
    with notices.render_errors():
        flow_diagram.render_flow_diagram(data.query_flow())


render_flow()
render_tabs(_PARTS)
