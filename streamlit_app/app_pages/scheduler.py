"""Scheduler: what runs by itself, and backfills asked for, watched and called off."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from crypto_assets.errors import OrchestratorError
from streamlit_app import actions, auth
from streamlit_app.components import notices
from streamlit_app.data import scheduler
from streamlit_app.scheduler import backfill_list, instigator_card, launch_form

actions.render_feedback()
allowed = auth.render_write_gate()


@contextmanager
def render_skeleton(part: str, height: int) -> Iterator[None]:
    """A grey place while Dagster is asked, until the part has been drawn once."""
    drawn = f"_drawn_{part}"
    if st.session_state.get(drawn):
        yield
        return
    with st.skeleton(height):
        yield
    st.session_state[drawn] = True


@st.fragment(run_every="5s")
def render_schedules() -> None:
    with notices.render_errors():
        with render_skeleton("schedules", 280):
            found = scheduler.query_automation()
        if found.unhealthy_daemons:
            st.warning(
                f"**Dagster's daemon does not run** ({', '.join(found.unhealthy_daemons)}): nothing ticks and "
                "nothing that is queued begins. Start it with `crypto-assets up`.",
                icon=":material/warning:",
            )
        instigator_card.render_instigator_cards(
            found.schedules, scheduler.query_fetch_intervals(), allowed
        )


@st.fragment(run_every="5s")
def render_sensors() -> None:
    try:
        found = scheduler.query_automation().sensors
    except OrchestratorError:
        st.caption("Shown when Dagster answers again.")
        return
    instigator_card.render_instigator_cards(found, {}, allowed)


@st.fragment(run_every="10s")
def render_launch_form() -> None:
    with notices.render_errors():
        launch_form.render_backfill_form(allowed)


@st.fragment(run_every="3s")
def render_backfills() -> None:
    try:
        with render_skeleton("backfills", 120):
            found = scheduler.query_backfills()
    except OrchestratorError:
        st.caption("Shown when Dagster answers again.")
        return
    backfill_list.render_backfill_list(found, allowed)


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
for place, draw in (
    (above, render_schedules),
    (left, render_launch_form),
    (right, render_backfills),
    (below, render_sensors),
):
    with place:
        draw()
