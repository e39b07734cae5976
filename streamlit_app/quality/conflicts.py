"""Conflicts: hours and days in which the exchange contradicts itself, and what was done."""

import streamlit as st

from crypto_assets.warehouse import ConflictKind, ExchangeConflict
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import symbol_or_all

RESULTS = {
    ConflictKind.RESOLVED: "Resolved: the minutes that give its hour count",
    ConflictKind.CONTRADICTION: "Open: none of its minutes give it",
    ConflictKind.OFF_GRID: "Not comparable: it opens off the grid",
}


@st.fragment(run_every="30s")
def show() -> None:
    with notices.in_words():
        found = quality.conflicts(symbol_or_all())
        if not found:
            notices.nothing("No hour and no day in which the exchange contradicts itself is known.")
            return
        show_table(found)
        if len(found) == quality.ROWS:
            st.caption(f"The newest {quality.ROWS:,}.")


def show_table(conflicts: list[ExchangeConflict]) -> None:
    """Draw conflicts as a table; those that were not recorded yet have no time of it."""
    tables.show(
        tables.frame(
            (
                {
                    "symbol": one.symbol,
                    "interval": str(one.interval),
                    "open_time": one.open_time,
                    "result": RESULTS[one.kind],
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
            "open_time": tables.moment("Opens (UTC)"),
            "result": st.column_config.TextColumn("Result"),
            "evidence": st.column_config.TextColumn("Evidence", width="large"),
            "recorded_at": tables.moment("Recorded"),
        },
        "Periods in which the exchange contradicts itself",
    )
