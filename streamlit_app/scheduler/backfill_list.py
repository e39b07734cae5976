"""The newest backfills, as Dagster keeps them: how far they are, and a way to call one off."""

from datetime import timedelta
from functools import partial

import streamlit as st

from crypto_assets.orchestrator import BackfillProgress
from crypto_assets.pipeline.control import admin
from streamlit_app import data
from streamlit_app.actions import confirm_action
from streamlit_app.components import notices
from streamlit_app.format import humanize, timestamps
from streamlit_app.scheduler import dagster_labels


def render_backfill_list(found: list[BackfillProgress], allowed: bool) -> None:
    if not found:
        notices.render_empty_state("No backfill has been asked for yet.")
    for backfill in found:
        _render_backfill(backfill, allowed)


def _render_backfill(backfill: BackfillProgress, allowed: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"backfill_{backfill.id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(f"**{backfill.title or backfill.id}**", width="content")
            _render_badge(backfill)
        if not backfill.ended:
            st.progress(backfill.done_ratio)
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.caption(_format_progress(backfill), width="content")
            if not backfill.ended and backfill.status != "CANCELING":
                _render_cancel_button(backfill, allowed)
        if backfill.error:
            st.caption(f":red[{notices.format_sentence(backfill.error.splitlines()[0])}]")


def _render_badge(backfill: BackfillProgress) -> None:
    state = dagster_labels.format_backfill_state(backfill)
    if backfill.succeeded:
        st.badge(state, icon=":material/check_circle:", color="blue")
    elif backfill.status == "CANCELED":
        st.badge(state, icon=":material/block:", color="gray")
    elif backfill.ended:
        st.badge(state, icon=":material/error:", color="orange")
    else:
        st.badge(state, icon=":material/hourglass_top:", color="violet")


def _format_progress(backfill: BackfillProgress) -> str:
    """Counts are asset partitions: a day of a symbol counts once for each asset."""
    parts = [f"{backfill.materialized:,} of {backfill.targeted:,} steps done"]
    if backfill.failed:
        parts.append(f"{backfill.failed:,} failed")
    if backfill.ended_at:
        took = timedelta(milliseconds=backfill.ended_at - backfill.launched_at)
        parts.append(f"took {humanize.format_duration(took)}")
    return f"{', '.join(parts)}; asked {timestamps.format_time_since(backfill.launched_at)}"


def _render_cancel_button(backfill: BackfillProgress, allowed: bool) -> None:
    if st.button(
        "Call off", icon=":material/close:", key=f"cancel_{backfill.id}", disabled=not allowed
    ):
        confirm_action(
            "Call off this backfill?",
            f"{backfill.title or backfill.id}: what is loaded stays; asking for it again goes on "
            "from there.",
            "Call it off",
            partial(_cancel_backfill, backfill),
        )


def _cancel_backfill(backfill: BackfillProgress, who: str) -> str:
    admin.cancel_backfill(data.get_pipeline_context(), data.get_orchestrator(), backfill.id, who)
    return f"Called off: {backfill.title or backfill.id}."
