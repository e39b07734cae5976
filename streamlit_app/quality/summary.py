"""Quality in four figures: coverage, open gaps, missing minutes, what was set aside."""

import streamlit as st

from streamlit_app.components import notices
from streamlit_app.data import quality


@st.fragment(run_every="10s")
def render_quality_summary() -> None:
    with notices.render_errors():
        found = quality.query_quality_summary()
        loaded = [one for one in found.symbols if one.rows]
        worst = min(loaded, key=lambda one: one.coverage, default=None)
        with st.grid(4, min_column_width=150):
            st.metric(
                "Coverage",
                "\N{EM DASH}" if worst is None else _format_coverage(worst.coverage),
                help="held or explained, of the minutes between first and last candle; of the "
                f"symbol with the least{f', {worst.symbol}' if worst else ''}",
                border=True,
            )
            st.metric("Open gaps", f"{sum(one.open_gaps for one in loaded):,}", border=True)
            st.metric(
                "Missing minutes",
                f"{sum(one.missing_minutes for one in loaded):,}",
                help="that the exchange may have; they are asked for again",
                border=True,
            )
            st.metric(
                "Set aside",
                f"{found.quarantined:,}",
                help="rows and objects that broke a rule",
                border=True,
            )


def _format_coverage(share: float) -> str:
    """Never rounded up to a full hundred."""
    return f"{int(share * 1e5) / 1e3:.3f}%" if share < 1 else "100%"
