"""Checks: what Dagster's asset checks said of each partition last."""

import streamlit as st

from crypto_assets.orchestrator import AssetCheck, CheckExecution
from crypto_assets.settings import get_settings
from streamlit_app.components import notices, tables
from streamlit_app.data import quality

_RESULT_TEXTS = {
    True: "\N{HEAVY CHECK MARK} passed",
    False: "\N{HEAVY MULTIPLICATION X} failed",
    None: "\N{HORIZONTAL ELLIPSIS} no verdict",
}


@st.fragment(run_every="10s")
def render_asset_checks() -> None:
    with notices.render_errors():
        found = quality.query_asset_checks()
        with st.grid(4, min_column_width=190):
            for check in found:
                _render_check_card(check)
        rows = [_build_row(check, verdict) for check in found for verdict in check.executions]
        if not rows:
            notices.render_empty_state(
                "No check has run yet. They run when a day closes (00:10 and 07:00 UTC), and in "
                "Dagster whenever one is asked to."
            )
            return
        rows.sort(key=lambda row: -int(str(row["at"])))
        tables.render_table(
            tables.build_table_frame(rows, ["at"]),
            {
                "verdict": st.column_config.TextColumn("Verdict", width="small"),
                "check": st.column_config.TextColumn("Check"),
                "partition": st.column_config.TextColumn("Partition"),
                "said": st.column_config.TextColumn("What it found", width="large"),
                "at": tables.time_column("When (UTC)"),
                "page": st.column_config.LinkColumn("Run", display_text="open"),
            },
            "The last verdicts of every check, newest first",
        )


def _render_check_card(check: AssetCheck) -> None:
    """How many of the last verdicts were good; of a partition only its newest one counts."""
    newest: dict[str | None, CheckExecution] = {}
    for verdict in check.executions:
        newest.setdefault(verdict.partition, verdict)
    judged = [verdict.passed for verdict in newest.values() if verdict.passed is not None]
    failed = judged.count(False)
    st.metric(
        _format_title(check),
        f"{failed:,} failed" if failed else f"{len(judged):,} passed" if judged else "\N{EM DASH}",
        f"of {len(judged):,} partitions judged last" if judged else "not run yet",
        delta_color="off",
        delta_arrow="off",
        help=f"{check.description} Of the asset {check.asset}.",
        border=True,
    )


def _format_title(check: AssetCheck) -> str:
    """`ohlc_sane` as `OHLC sane`."""
    title = check.name.replace("_", " ").capitalize()
    return title.replace("Ohlc", "OHLC")


def _build_row(check: AssetCheck, verdict: CheckExecution) -> dict[str, object]:
    return {
        "verdict": _RESULT_TEXTS[verdict.passed],
        "check": _format_title(check),
        "partition": verdict.partition or "",
        "said": verdict.description,
        "at": verdict.evaluated_at,
        "page": f"{get_settings().dagster_link_url}/runs/{verdict.run_id}",
    }
