"""Scheduler: schedules, sensors, and backfills."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from crypto_assets.errors import OrchestratorError, WarehouseError
from streamlit_app import actions, auth
from streamlit_app.components import notices
from streamlit_app.data import scheduler
from streamlit_app.scheduler import backfill_form, backfill_list, instigator_table

actions.render_requested_dialog()
can_write = auth.render_write_gate()


@contextmanager
def render_skeleton(part: str, height: int) -> Iterator[None]:
    """Show a placeholder during the first query of a part."""
    drawn_key = f"_drawn_{part}"
    if st.session_state.get(drawn_key):
        yield
        return
    with st.skeleton(height):
        yield
    st.session_state[drawn_key] = True


@st.fragment(run_every="5s")
def render_schedules() -> None:
    with notices.render_errors():
        with render_skeleton("schedules", 280):
            automation = scheduler.query_automation()
        if automation.unhealthy_daemons:
            names = ", ".join(map(notices.escape_markdown, automation.unhealthy_daemons))
            st.warning(
                f"**The Dagster daemon is not running** ({names}). Schedules, sensors, and queued "
                "runs are paused. Start it with `crypto-assets up`.",
                icon=":material/warning:",
            )
        instigator_table.render_instigator_table(
            automation.schedules, scheduler.query_fetch_intervals(), "Schedule", can_write
        )


@st.fragment(run_every="5s")
def render_sensors() -> None:
    try:
        sensors = scheduler.query_automation().sensors
    except OrchestratorError:
        st.caption("Not available while Dagster is unreachable.")
        return
    instigator_table.render_instigator_table(sensors, {}, "Sensor", can_write)


@st.fragment(run_every="10s")
def render_launch_form() -> None:
    with notices.render_errors():
        backfill_form.render_backfill_form(can_write)


@st.fragment(run_every="3s")
def render_backfills() -> None:
    try:
        with render_skeleton("backfills", 120):
            backfills = scheduler.query_backfills()
    except OrchestratorError:
        st.caption("Not available while Dagster is unreachable.")
        return
    except WarehouseError:
        return  # the form beside explains it
    backfill_list.render_backfill_list(backfills, can_write)


# Draw the headings first: Dagster may respond slowly.
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
for container, render_part in (
    (above, render_schedules),
    (left, render_launch_form),
    (right, render_backfills),
    (below, render_sensors),
):
    with container:
        render_part()
actions.render_messages()
