"""The recent backfills, of users and of sensors: progress, and a button to cancel."""

from datetime import timedelta
from functools import partial

import streamlit as st

from crypto_assets.orchestrator import BackfillProgress
from crypto_assets.pipeline.control import admin
from crypto_assets.settings import get_settings
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import confirm_action
from streamlit_app.components import notices
from streamlit_app.format import dates, humanize
from streamlit_app.scheduler import dagster_labels


def render_backfill_list(backfills: list[BackfillProgress], can_write: bool) -> None:
    """Draw the backfills in their order."""
    if not backfills:
        notices.render_empty_state("No backfills yet.")
    for backfill in backfills:
        _render_backfill(backfill, can_write)


def name_backfill(backfill: BackfillProgress) -> str:
    """Return a title, also for a backfill of so many partitions that Dagster's pages named none."""
    return backfill.title or f"{backfill.key_count:,} partitions"


def format_progress(backfill: BackfillProgress) -> str:
    """Format how many days are loaded, each symbol's counted, and how long it has taken."""
    # The keys of an automatic backfill are counted as days in either unit.
    unit = "day" if backfill.is_automatic else get_settings().partition_unit
    total = humanize.format_count(backfill.key_count, unit)
    parts = [f"{backfill.loaded_key_count:,} of {total} loaded"]
    if failed := backfill.failed_key_count:
        parts.append(f"{failed:,} failed")
    if backfill.ended_at:
        duration = timedelta(milliseconds=backfill.ended_at - backfill.launched_at)
        parts.append(f"took {dates.format_duration(duration)}")
    parts.append(f"started {dates.format_time_since(backfill.launched_at)}")
    if backfill.is_automatic:
        parts.append("automatic")
    return " · ".join(parts)


def _render_backfill(backfill: BackfillProgress, can_write: bool) -> None:
    with st.container(border=True, gap="xxsmall", key=f"backfill_{backfill.id}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.markdown(f"**{notices.escape_markdown(name_backfill(backfill))}**", width="content")
            _render_badge(backfill)
        if not backfill.ended:
            st.progress(backfill.done_ratio)
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.caption(format_progress(backfill), width="content")
            if not (backfill.ended or backfill.is_automatic or backfill.status == "CANCELING"):
                _render_cancel_button(backfill, can_write)
        if backfill.error and backfill.status != "CANCELED":
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


def _render_cancel_button(backfill: BackfillProgress, can_write: bool) -> None:
    name = name_backfill(backfill)
    if st.button(
        "Cancel", icon=":material/close:", key=f"cancel_{backfill.id}", disabled=not can_write
    ):
        confirm_action(
            "Cancel backfill?",
            f"{name}: loaded data is kept. Launch it again to load the rest.",
            "Cancel backfill",
            partial(_cancel_backfill, backfill),
        )


def _cancel_backfill(backfill: BackfillProgress, who: Author) -> str:
    admin.cancel_backfill(data.get_pipeline_context(), data.get_orchestrator(), backfill.id, who)
    return f"Canceled: {name_backfill(backfill)}."
