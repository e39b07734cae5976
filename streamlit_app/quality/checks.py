"""Checks: the latest results of Dagster's asset checks."""

import streamlit as st

from crypto_assets.orchestrator import AssetCheck, CheckExecution
from crypto_assets.settings import get_settings
from streamlit_app.components import notices, tables
from streamlit_app.data import quality

_RESULT_TEXTS = {
    True: "\N{HEAVY CHECK MARK} passed",
    False: "\N{HEAVY MULTIPLICATION X} failed",
    None: "\N{HORIZONTAL ELLIPSIS} no result",
}

# Titles of checks whose names do not read well.
_TITLES = {
    "column_schema_change": "Columns unchanged",
    "complete_or_explained": "No unexplained gaps",
    "home_bytes_bounds_check": "Size of the home in bounds",
    "missing_minutes_bounds_check": "Missing minutes in bounds",
    "ohlc_sane": "Plausible prices",
}


@st.fragment(run_every="10s")
def render_asset_checks() -> None:
    with notices.render_errors():
        checks = quality.query_asset_checks()
        with st.grid(4, min_column_width=190):
            for check in checks:
                _render_check_card(check)
        rows = [_build_row(check, result) for check in checks for result in check.executions]
        if not rows:
            notices.render_empty_state(
                "No checks have run yet. They run after each day closes (00:10 and 07:00 UTC), or "
                "when you materialize a day in Dagster."
            )
            return
        rows.sort(key=lambda row: -int(str(row["at"])))
        tables.render_table(
            tables.build_table_frame(rows, ["at"]),
            {
                "result": st.column_config.TextColumn("Result", width="small"),
                "check": st.column_config.TextColumn("Check"),
                "partition": st.column_config.TextColumn("Partition"),
                "description": st.column_config.TextColumn("Description", width="large"),
                "at": tables.time_column("Evaluated (UTC)"),
                "page": st.column_config.LinkColumn("Run", display_text="open"),
            },
            "Latest results of all checks, newest first",
        )


def _render_check_card(check: AssetCheck) -> None:
    """Draw the number of passed or failed partitions, by the latest result of each."""
    newest: dict[str | None, CheckExecution] = {}
    for execution in check.executions:
        newest.setdefault(execution.partition, execution)
    results = [one.passed for one in newest.values() if one.passed is not None]
    failed = results.count(False)
    st.metric(
        _format_title(check),
        f"{failed:,} failed"
        if failed
        else f"{len(results):,} passed"
        if results
        else "\N{EM DASH}",
        f"of {len(results):,} recent partitions" if results else "Not run yet",
        delta_color="off",
        delta_arrow="off",
        help=f"{check.description} Asset: {check.asset}.",
        border=True,
    )


def _format_title(check: AssetCheck) -> str:
    return _TITLES.get(check.name, check.name.replace("_", " ").capitalize())


def _build_row(check: AssetCheck, execution: CheckExecution) -> dict[str, object]:
    return {
        "result": _RESULT_TEXTS[execution.passed],
        "check": _format_title(check),
        "partition": execution.partition or "",
        "description": execution.description,
        "at": execution.evaluated_at,
        "page": f"{get_settings().dagster_link_url}/runs/{execution.run_id}",
    }
