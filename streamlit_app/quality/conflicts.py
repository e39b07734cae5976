"""Conflicts: hours and days in which the exchange's data is inconsistent, and the result."""

import streamlit as st

from crypto_assets.warehouse import ConflictKind, ExchangeConflict
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import render_symbol_filter

CONFLICT_RESULTS = {
    ConflictKind.RESOLVED: "Resolved: the minutes that match the hour are used",
    ConflictKind.CONTRADICTION: "Open: no version of the minutes matches",
    ConflictKind.OFF_GRID: "Not comparable: the period is not aligned",
}


@st.fragment(run_every="30s")
def render_conflicts() -> None:
    with notices.render_errors():
        conflicts = quality.query_conflicts(render_symbol_filter())
        if not conflicts:
            notices.render_empty_state("No conflicts.")
            return
        render_conflict_table(conflicts)
        if len(conflicts) == quality.MAX_LISTED_ROWS:
            st.caption(f"Showing the newest {quality.MAX_LISTED_ROWS:,}.")


def render_conflict_table(conflicts: list[ExchangeConflict]) -> None:
    """Draw conflicts as a table; `Recorded` is empty for those not recorded yet."""
    tables.render_table(
        tables.build_table_frame(
            (
                {
                    "symbol": conflict.symbol,
                    "interval": str(conflict.interval),
                    "open_time": conflict.open_time,
                    "result": CONFLICT_RESULTS[conflict.kind],
                    "evidence": conflict.evidence,
                    "recorded_at": conflict.recorded_at or None,
                }
                for conflict in conflicts
            ),
            ["open_time", "recorded_at"],
        ),
        {
            "symbol": st.column_config.TextColumn("Symbol", width="small"),
            "interval": st.column_config.TextColumn("Interval", width="small"),
            "open_time": tables.time_column("Opens (UTC)"),
            "result": st.column_config.TextColumn("Result"),
            "evidence": st.column_config.TextColumn("Evidence", width="large"),
            "recorded_at": tables.time_column("Recorded (UTC)"),
        },
        "Hours and days in which the exchange's data is inconsistent",
    )
