"""Checks: what Dagster's asset checks said of each partition last."""

import streamlit as st

from crypto_assets.orchestrator import AssetCheck, CheckExecution
from crypto_assets.settings import get_settings
from streamlit_app.components import notices, tables
from streamlit_app.data import quality

_SAID = {
    True: "\N{HEAVY CHECK MARK} passed",
    False: "\N{HEAVY MULTIPLICATION X} failed",
    None: "\N{HORIZONTAL ELLIPSIS} no verdict",
}


@st.fragment(run_every="10s")
def show() -> None:
    with notices.in_words():
        found = quality.checks()
        with st.grid(4, min_column_width=190):
            for check in found:
                _card(check)
        rows = [_row(check, verdict) for check in found for verdict in check.executions]
        if not rows:
            notices.nothing(
                "No check has run yet. They run when a day closes (00:10 and 07:00 UTC), and in "
                "Dagster whenever one is asked to."
            )
            return
        rows.sort(key=lambda row: -int(str(row["at"])))
        tables.show(
            tables.frame(rows, ["at"]),
            {
                "verdict": st.column_config.TextColumn("Verdict", width="small"),
                "check": st.column_config.TextColumn("Check"),
                "partition": st.column_config.TextColumn("Partition"),
                "said": st.column_config.TextColumn("What it found", width="large"),
                "at": tables.moment("When (UTC)"),
                "page": st.column_config.LinkColumn("Run", display_text="open"),
            },
            "The last verdicts of every check, newest first",
        )


def _card(check: AssetCheck) -> None:
    """How many of the last verdicts were good; of a partition only its newest one counts."""
    newest: dict[str | None, CheckExecution] = {}
    for verdict in check.executions:
        newest.setdefault(verdict.partition, verdict)
    judged = [verdict.passed for verdict in newest.values() if verdict.passed is not None]
    failed = judged.count(False)
    st.metric(
        _title(check),
        f"{failed:,} failed" if failed else f"{len(judged):,} passed" if judged else "\N{EM DASH}",
        f"of {len(judged):,} partitions judged last" if judged else "not run yet",
        delta_color="off",
        delta_arrow="off",
        help=f"{check.description} Of the asset {check.asset}.",
        border=True,
    )


def _title(check: AssetCheck) -> str:
    """`ohlc_sane` as `OHLC sane`."""
    title = check.name.replace("_", " ").capitalize()
    return title.replace("Ohlc", "OHLC")


def _row(check: AssetCheck, verdict: CheckExecution) -> dict[str, object]:
    return {
        "verdict": _SAID[verdict.passed],
        "check": _title(check),
        "partition": verdict.partition or "",
        "said": verdict.description,
        "at": verdict.evaluated_at,
        "page": f"{get_settings().dagster_link_url}/runs/{verdict.run_id}",
    }
