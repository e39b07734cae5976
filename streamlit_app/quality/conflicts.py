"""Conflicts: hours and days in which the exchange contradicts itself, and what was done."""

import streamlit as st

from crypto_assets.warehouse import ConflictKind, ExchangeConflict
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import render_symbol_filter

CONFLICT_RESULTS = {
    ConflictKind.RESOLVED: "Resolved: the minutes that give its hour count",
    ConflictKind.CONTRADICTION: "Open: none of its minutes give it",
    ConflictKind.OFF_GRID: "Not comparable: it opens off the grid",
}


@st.fragment(run_every="30s")
def render_conflicts() -> None:
    with notices.render_errors():
        found = quality.query_conflicts(render_symbol_filter())
        if not found:
            notices.render_empty_state(
                "No hour and no day in which the exchange contradicts itself is known."
            )
            return
        render_conflict_table(found)
        if len(found) == quality.MAX_LISTED_ROWS:
            st.caption(f"The newest {quality.MAX_LISTED_ROWS:,}.")


def render_conflict_table(conflicts: list[ExchangeConflict]) -> None:
    """Draw conflicts as a table; those that were not recorded yet have no time of it."""
    tables.render_table(
        tables.build_table_frame(
            (
                {
                    "symbol": one.symbol,
                    "interval": str(one.interval),
                    "open_time": one.open_time,
                    "result": CONFLICT_RESULTS[one.kind],
                    "evidence": one.evidence,
                    "recorded_at": one.recorded_at or None,
                }
                for one in conflicts
            ),
            ["open_time", "recorded_at"],
        ),
        {
            "symbol": st.column_config.TextColumn("Symbol", width="small"),
            "interval": st.column_config.TextColumn("Interval", width="small"),
            "open_time": tables.time_column("Opens (UTC)"),
            "result": st.column_config.TextColumn("Result"),
            "evidence": st.column_config.TextColumn("Evidence", width="large"),
            "recorded_at": tables.time_column("Recorded"),
        },
        "Periods in which the exchange contradicts itself",
    )
