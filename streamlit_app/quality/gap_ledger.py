"""The gap ledger: every range of missing minutes, its class, and the evidence."""

import streamlit as st

from crypto_assets.warehouse.quality.gap_ledger import Gap, GapClass
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.period import read_period_window
from streamlit_app.quality.symbol_filter import render_symbol_filter

_CLASS_TEXTS = {
    GapClass.OUTAGE: "Outage: the exchange has no data",
    GapClass.NOT_LISTED: "Not listed yet",
    GapClass.DELISTED: "Delisted",
    GapClass.REFUSED: "Refused: the exchange's candle is invalid",
    GapClass.ARCHIVE_LATE: "Archive late",
    GapClass.OPEN: "Open: will be requested again",
}


@st.fragment(run_every="30s")
def render_gap_ledger() -> None:
    with notices.render_errors():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            symbol = render_symbol_filter()
            include_filled = st.toggle("Include filled", key="filled", bind="query-params")
        gaps = quality.query_gaps(symbol, read_period_window(), include_filled)
        if not gaps:
            notices.render_empty_state("No gaps in this period.")
            return
        tables.render_table(
            tables.build_table_frame(
                (_build_row(gap) for gap in gaps),
                ["start", "end", "first_seen", "closed_at", "next_retry_at"],
            ),
            {
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "class": st.column_config.TextColumn("Class"),
                "start": tables.time_column("From (UTC)"),
                "end": tables.time_column("Until (UTC)"),
                "minutes": tables.count_column("Minutes"),
                "evidence": st.column_config.TextColumn("Evidence", width="large"),
                "first_seen": tables.time_column("First seen (UTC)"),
                "closed_at": tables.time_column("Filled (UTC)"),
                "attempts": tables.count_column("Attempts"),
                "next_retry_at": tables.time_column("Next attempt (UTC)"),
            },
            "Gap ledger",
        )
        if len(gaps) == quality.MAX_LISTED_ROWS:
            st.caption(
                f"Showing the first {quality.MAX_LISTED_ROWS:,}. Choose a symbol to see more of it."
            )


def _build_row(gap: Gap) -> dict[str, object]:
    return {
        "symbol": gap.symbol,
        "class": _CLASS_TEXTS[gap.gap_class],
        "start": gap.start,
        "end": gap.window.end_ms,
        "minutes": gap.minutes,
        "evidence": gap.evidence,
        "first_seen": gap.first_seen,
        "closed_at": gap.closed_at,
        "attempts": gap.attempts,
        "next_retry_at": gap.next_retry_at,
    }
