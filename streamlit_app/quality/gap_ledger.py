"""The gap ledger: every hole among the minutes, what it is, and from what we know it."""

import streamlit as st

from crypto_assets.warehouse.quality.gap_ledger import Gap, GapClass
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import render_symbol_filter

_CLASS_TEXTS = {
    GapClass.OUTAGE: "Outage: the exchange has nothing",
    GapClass.NOT_LISTED: "Not listed yet",
    GapClass.DELISTED: "Delisted",
    GapClass.REFUSED: "Refused: the exchange's candle cannot be true",
    GapClass.ARCHIVE_LATE: "Its archive is late",
    GapClass.OPEN: "Open: asked for again",
}


@st.fragment(run_every="30s")
def render_gap_ledger() -> None:
    with notices.render_errors():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            symbol = render_symbol_filter()
            closed = st.toggle("Filled ones too", key="filled", bind="query-params")
        found = quality.query_gaps(symbol, closed)
        if not found:
            notices.render_empty_state("The ledger has no gap here.")
            return
        tables.render_table(
            tables.build_table_frame(
                (_build_row(gap) for gap in found),
                ["start", "end", "first_seen", "closed_at", "next_retry_at"],
            ),
            {
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "class": st.column_config.TextColumn("What it is"),
                "start": tables.time_column("From (UTC)"),
                "end": tables.time_column("Until (UTC)"),
                "minutes": tables.count_column("Minutes"),
                "evidence": st.column_config.TextColumn("How we know", width="large"),
                "first_seen": tables.time_column("First seen"),
                "closed_at": tables.time_column("Filled"),
                "attempts": tables.count_column("Attempts"),
                "next_retry_at": tables.time_column("Next attempt"),
            },
            "The gap ledger",
        )
        if len(found) == quality.MAX_LISTED_ROWS:
            st.caption(
                f"The first {quality.MAX_LISTED_ROWS:,}; choose a symbol to see the rest of its own."
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
