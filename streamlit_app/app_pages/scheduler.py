"""Scheduler: what runs by itself, and backfills asked for, watched and called off."""

import streamlit as st

from crypto_assets.errors import OrchestratorError
from streamlit_app import acting, notices, writers
from streamlit_app.data import scheduler
from streamlit_app.scheduler import backfill_list, instigator_card, launch_form

acting.tell()
allowed = writers.gate()


@st.fragment(run_every="5s")
def schedules() -> None:
    with notices.in_words():
        found = scheduler.running()
        if found.sick:
            st.warning(
                f"**Dagster's daemon does not run** ({', '.join(found.sick)}): nothing ticks and "
                "nothing that is queued begins. Start it with `crypto-assets up`.",
                icon=":material/warning:",
            )
        instigator_card.cards(found.schedules, scheduler.intervals(), allowed)


@st.fragment(run_every="5s")
def sensors() -> None:
    try:
        found = scheduler.running().sensors
    except OrchestratorError:
        st.caption("Shown when Dagster answers again.")
        return
    instigator_card.cards(found, {}, allowed)


@st.fragment(run_every="30s")
def launch() -> None:
    with notices.in_words():
        launch_form.form(allowed)


@st.fragment(run_every="3s")
def backfills() -> None:
    try:
        backfill_list.listing(scheduler.backfills(), allowed)
    except OrchestratorError:
        st.caption("Shown when Dagster answers again.")


st.subheader("Schedules", anchor=False)
schedules()
with st.grid(2, min_column_width=330):
    with st.container():
        st.subheader("Backfill", anchor=False)
        launch()
    with st.container():
        st.subheader("Recent backfills", anchor=False)
        backfills()
st.subheader("Sensors", anchor=False)
sensors()
