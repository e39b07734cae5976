"""Scheduler: what runs by itself, and backfills asked for, watched and called off."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from crypto_assets.errors import OrchestratorError
from streamlit_app import actions, auth
from streamlit_app.components import notices
from streamlit_app.data import scheduler
from streamlit_app.scheduler import backfill_list, instigator_card, launch_form

actions.tell()
allowed = auth.gate()


@contextmanager
def waiting(part: str, height: int) -> Iterator[None]:
    """A grey place while Dagster is asked, until the part has been drawn once."""
    drawn = f"_drawn_{part}"
    if st.session_state.get(drawn):
        yield
        return
    with st.skeleton(height):
        yield
    st.session_state[drawn] = True


@st.fragment(run_every="5s")
def schedules() -> None:
    with notices.in_words():
        with waiting("schedules", 280):
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


@st.fragment(run_every="10s")
def launch() -> None:
    with notices.in_words():
        launch_form.form(allowed)


@st.fragment(run_every="3s")
def backfills() -> None:
    try:
        with waiting("backfills", 120):
            found = scheduler.backfills()
    except OrchestratorError:
        st.caption("Shown when Dagster answers again.")
        return
    backfill_list.listing(found, allowed)


# The frame first: Dagster may take its time.
st.subheader("Schedules", anchor=False)
above = st.container()
with st.grid(2, min_column_width=330):
    with st.container():
        st.subheader("Backfill", anchor=False)
        left = st.container()
    with st.container():
        st.subheader("Recent backfills", anchor=False)
        right = st.container()
st.subheader("Sensors", anchor=False)
below = st.container()
for place, draw in ((above, schedules), (left, launch), (right, backfills), (below, sensors)):
    with place:
        draw()
