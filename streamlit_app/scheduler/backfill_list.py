"""The recent backfills of Dagster: progress, and a button to cancel."""

from datetime import timedelta
from functools import partial

import streamlit as st

from crypto_assets.orchestrator import BackfillProgress
from crypto_assets.pipeline.control import admin
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import confirm_action
from streamlit_app.components import notices
from streamlit_app.format import humanize
from streamlit_app.scheduler import dagster_labels


def render_backfill_list(backfills: list[BackfillProgress], can_write: bool) -> None:
    """Draw the backfills in their order."""
    if not backfills:
        notices.render_empty_state("No backfills yet.")
    for backfill in backfills:
        _render_backfill(backfill, can_write)


def _render_backfill(backfill: BackfillProgress, can_write: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"backfill_{backfill.id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(
                f"**{notices.escape_markdown(backfill.title or backfill.id)}**", width="content"
            )
            _render_badge(backfill)
        if not backfill.ended:
            st.progress(backfill.done_ratio)
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.caption(_format_progress(backfill), width="content")
            if not backfill.ended and backfill.status != "CANCELING":
                _render_cancel_button(backfill, can_write)
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
    """Format the number of asset partitions: a day of a symbol counts once per asset."""
    parts = [f"{backfill.materialized:,} of {backfill.targeted:,} asset partitions materialized"]
    if backfill.failed and backfill.status != "CANCELED":  # Dagster counts canceled ones as failed.
        parts.append(f"{backfill.failed:,} failed")
    if backfill.ended_at:
        duration = timedelta(milliseconds=backfill.ended_at - backfill.launched_at)
        parts.append(f"took {humanize.format_duration(duration)}")
    return f"{', '.join(parts)}; launched {humanize.format_time_since(backfill.launched_at)}"


def _render_cancel_button(backfill: BackfillProgress, can_write: bool) -> None:
    if st.button(
        "Cancel", icon=":material/close:", key=f"cancel_{backfill.id}", disabled=not can_write
    ):
        confirm_action(
            "Cancel backfill?",
            f"{backfill.title or backfill.id}: loaded data is kept. Launch it again to load the "
            "rest.",
            "Cancel backfill",
            partial(_cancel_backfill, backfill),
        )


def _cancel_backfill(backfill: BackfillProgress, who: Author) -> str:
    admin.cancel_backfill(data.get_pipeline_context(), data.get_orchestrator(), backfill.id, who)
    return f"Canceled: {backfill.title or backfill.id}."
