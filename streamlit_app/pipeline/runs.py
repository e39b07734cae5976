"""The recent Dagster runs: job, status, duration, partitions, and the reason of a failure."""

from datetime import timedelta

import streamlit as st

from crypto_assets.orchestrator import RunSummary
from crypto_assets.settings import get_settings
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline
from streamlit_app.format import dates, humanize

_STATUS_TEXTS = {
    "SUCCESS": "\N{HEAVY CHECK MARK} success",
    "FAILURE": "\N{HEAVY MULTIPLICATION X} failed",
    "CANCELED": "\N{NO ENTRY} canceled",
    "STARTED": "\N{BLACK RIGHT-POINTING TRIANGLE} running",
    "STARTING": "\N{BLACK RIGHT-POINTING TRIANGLE} starting",
}
_QUEUED_PREFIX = "\N{HORIZONTAL ELLIPSIS} "
_ALL = "All"
# What the filter of a status shows.
_STATUS_FILTERS = {
    _ALL: (),
    "Failed": ("FAILURE",),
    "Running": ("STARTED", "STARTING", "CANCELING"),
    "Queued": ("QUEUED", "NOT_STARTED"),
    "Success": ("SUCCESS",),
    "Canceled": ("CANCELED",),
}
_NO_REASON = "No reason recorded: the process was killed, or see the run"


@st.fragment(run_every="10s")
def render_runs() -> None:
    with notices.render_errors():
        status, job = _render_filters()
        runs = pipeline.query_runs(_STATUS_FILTERS[status], job)
        if not runs:
            is_filtered = status != _ALL or job
            notices.render_empty_state("No such runs." if is_filtered else "No runs yet.")
            return
        tables.render_table(
            tables.build_table_frame((_build_row(run) for run in runs), ["created_at"]),
            {
                "status": st.column_config.TextColumn("Status", width="small"),
                "job": st.column_config.TextColumn("Job", width="medium"),
                "created_at": tables.time_column("Created (UTC)"),
                "duration": st.column_config.TextColumn("Duration", width="small"),
                "partitions": st.column_config.TextColumn("Partitions", width="medium"),
                "reason": st.column_config.TextColumn("Reason of failure", width="large"),
                "page": st.column_config.LinkColumn(
                    "Run in Dagster", display_text="Open", width="small"
                ),
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
            st.caption(
                f"Last {humanize.format_count(len(runs), 'run')}, {failed:,} failed",
                width="content",
            )


def _render_filters() -> tuple[str, str | None]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        status = st.segmented_control(
            "Status",
            list(_STATUS_FILTERS),
            default=_ALL,
            required=True,
            key="run_status",
            bind="query-params",
        )
        job = st.selectbox(
            "Job",
            pipeline.query_job_names(),
            index=None,
            placeholder="All jobs",
            key="run_job",
            bind="query-params",
            width=220,
        )
    return status, job


def _build_row(run: RunSummary) -> dict[str, object]:
    duration = None if run.duration_ms is None else timedelta(milliseconds=run.duration_ms)
    return {
        "status": _STATUS_TEXTS.get(
            run.status, _QUEUED_PREFIX + run.status.replace("_", " ").lower()
        ),
        "job": run.job,
        "created_at": run.created_at,
        "duration": "" if duration is None else dates.format_runtime(duration),
        "partitions": run.partitions or "",
        "reason": (run.failure_reason or _NO_REASON) if run.status == "FAILURE" else "",
        "page": f"{get_settings().dagster_link_url}/runs/{run.id}",
    }
