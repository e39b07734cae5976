"""The quality figures: coverage, open gaps, missing minutes, rejected rows."""

import streamlit as st

from streamlit_app.components import notices
from streamlit_app.data import quality


@st.fragment(run_every="10s")
def render_quality_summary() -> None:
    with notices.render_errors():
        report = quality.query_quality_summary()
        loaded = [symbol for symbol in report.symbols if symbol.rows]
        worst = min(loaded, key=lambda symbol: symbol.coverage, default=None)
        name = f": {notices.escape_markdown(worst.symbol)}" if worst else ""
        with st.grid(4, min_column_width=150):
            st.metric(
                "Coverage",
                "\N{EM DASH}" if worst is None else _format_coverage(worst.coverage),
                help="Stored or explained minutes between the first and the last candle, of the "
                f"symbol with the lowest coverage{name}",
                border=True,
            )
            st.metric("Open gaps", f"{sum(symbol.open_gaps for symbol in loaded):,}", border=True)
            st.metric(
                "Missing minutes",
                f"{sum(symbol.missing_minutes for symbol in loaded):,}",
                help="Unexplained minutes; they are requested again automatically",
                border=True,
            )
            st.metric(
                "Rejected rows",
                f"{report.quarantined:,}",
                help="Rows and objects that violate a rule",
                border=True,
            )


def _format_coverage(share: float) -> str:
    """Format with three decimals, rounded down: 100% means complete."""
    return f"{int(share * 1e5) / 1e3:.3f}%" if share < 1 else "100%"
