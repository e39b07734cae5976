"""The quality figures of the period: coverage, missing minutes, open gaps, days not loaded."""

import streamlit as st

from crypto_assets.reports import DayState
from streamlit_app.components import notices
from streamlit_app.data import quality
from streamlit_app.quality.period import query_period_coverage


@st.fragment(run_every="10s")
def render_quality_summary() -> None:
    with notices.render_errors():
        coverage, report = query_period_coverage(), quality.query_quality_summary()
        shares = coverage.compute_shares()
        worst = min(shares, key=shares.__getitem__, default=None)
        name = f": {notices.escape_markdown(worst)}" if worst else ""
        figures = (
            (
                "Coverage",
                "\N{EM DASH}" if worst is None else format_coverage(shares[worst]),
                "Share of the requested minutes that are stored or explained, of the symbol with "
                f"the lowest share{name}. Days that are not loaded were never requested.",
            ),
            (
                "Missing minutes",
                f"{coverage.missing_minutes:,}",
                "Unexplained minutes; they are requested again automatically",
            ),
            ("Open gaps", f"{coverage.open_gaps:,}", "Unexplained ranges of missing minutes"),
            (
                "Days not loaded",
                f"{coverage.count_days(DayState.NOT_LOADED):,}",
                "Days of all symbols of which nothing was requested yet. To load them, start a "
                "backfill on the Scheduler page.",
            ),
            (
                "Rejected rows",
                f"{report.quarantined:,}",
                "Rows and objects that violate a rule, of all time",
            ),
        )
        with st.grid(5, min_column_width=150):
            for label, value, help_text in figures:
                st.metric(label, value, help=help_text, border=True)


def format_coverage(share: float) -> str:
    """Format with three decimals, rounded down: 100% means complete."""
    return f"{int(share * 1e5) / 1e3:.3f}%" if share < 1 else "100%"
