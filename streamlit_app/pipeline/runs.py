"""The recent Dagster runs: job, status, duration, and partitions."""

from datetime import timedelta

import streamlit as st

from crypto_assets.orchestrator import RunSummary
from crypto_assets.settings import get_settings
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline
from streamlit_app.format import humanize

_STATUS_TEXTS = {
    "SUCCESS": "\N{HEAVY CHECK MARK} success",
    "FAILURE": "\N{HEAVY MULTIPLICATION X} failed",
    "CANCELED": "\N{HEAVY MULTIPLICATION X} canceled",
    "STARTED": "\N{BLACK RIGHT-POINTING TRIANGLE} running",
    "STARTING": "\N{BLACK RIGHT-POINTING TRIANGLE} starting",
}
_QUEUED_PREFIX = "\N{HORIZONTAL ELLIPSIS} "


@st.fragment(run_every="10s")
def render_runs() -> None:
    with notices.render_errors():
        runs = pipeline.query_runs()
        if not runs:
            notices.render_empty_state("No runs yet.")
            return
        tables.render_table(
            tables.build_table_frame((_build_row(run) for run in runs), ["created_at"]),
            {
                "status": st.column_config.TextColumn("Status", width="small"),
                "job": st.column_config.TextColumn("Job"),
                "created_at": tables.time_column("Created (UTC)"),
                "duration": st.column_config.TextColumn("Duration", width="small"),
                "partitions": st.column_config.TextColumn("Partitions"),
                "page": st.column_config.LinkColumn("In Dagster", display_text="open"),
            },
            "Recent Dagster runs, newest first",
        )
        failed = sum(run.status == "FAILURE" for run in runs)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.link_button(
                "All runs in Dagster",
                f"{get_settings().dagster_link_url}/runs",
                icon=":material/list:",
            )
            st.caption(f"Last {len(runs)} runs, {failed} failed", width="content")


def _build_row(run: RunSummary) -> dict[str, object]:
    duration = None if run.duration_ms is None else timedelta(milliseconds=run.duration_ms)
    return {
        "status": _STATUS_TEXTS.get(
            run.status, _QUEUED_PREFIX + run.status.replace("_", " ").lower()
        ),
        "job": run.job,
        "created_at": run.created_at,
        "duration": "" if duration is None else humanize.format_runtime(duration),
        "partitions": run.partitions or "",
        "page": f"{get_settings().dagster_link_url}/runs/{run.id}",
    }
