"""Dagster's last runs: what each was for, how it went, how long it took."""

from datetime import timedelta

import streamlit as st

from crypto_assets.orchestrator import RunSummary
from crypto_assets.settings import get_settings
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline
from streamlit_app.format import humanize

_STATUS_TEXTS = {
    "SUCCESS": "\N{HEAVY CHECK MARK} done",
    "FAILURE": "\N{HEAVY MULTIPLICATION X} failed",
    "CANCELED": "\N{HEAVY MULTIPLICATION X} canceled",
    "STARTED": "\N{BLACK RIGHT-POINTING TRIANGLE} running",
    "STARTING": "\N{BLACK RIGHT-POINTING TRIANGLE} starting",
}
_WAITING_PREFIX = "\N{HORIZONTAL ELLIPSIS} "


@st.fragment(run_every="10s")
def render_runs() -> None:
    with notices.render_errors():
        found = pipeline.query_runs()
        if not found:
            notices.render_empty_state("Dagster has not run anything yet.")
            return
        tables.render_table(
            tables.build_table_frame((_build_row(run) for run in found), ["created_at"]),
            {
                "status": st.column_config.TextColumn("Status", width="small"),
                "job": st.column_config.TextColumn("Job"),
                "created_at": tables.time_column("Asked for (UTC)"),
                "took": st.column_config.TextColumn("Took", width="small"),
                "partitions": st.column_config.TextColumn("Partitions"),
                "page": st.column_config.LinkColumn("In Dagster", display_text="open"),
            },
            "The last runs of Dagster, newest first",
        )
        failed = sum(run.status == "FAILURE" for run in found)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.link_button(
                "All of them in Dagster",
                f"{get_settings().dagster_link_url}/runs",
                icon=":material/list:",
            )
            st.caption(f"The last {len(found)} runs, {failed} of them failed.", width="content")


def _build_row(run: RunSummary) -> dict[str, object]:
    took = run.duration_ms
    return {
        "status": _STATUS_TEXTS.get(
            run.status, _WAITING_PREFIX + run.status.replace("_", " ").lower()
        ),
        "job": run.job,
        "created_at": run.created_at,
        "took": "" if took is None else humanize.format_runtime(timedelta(milliseconds=took)),
        "partitions": run.partitions or "",
        "page": f"{get_settings().dagster_link_url}/runs/{run.id}",
    }
