"""Deduplication: how many rows were delivered, and how many minutes they became."""

import streamlit as st

from crypto_assets.reports import DeduplicationReport, SymbolDeduplication
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline

_RANGE_LABELS = {1: "Today", 7: "7 days", 30: "30 days"}


@st.fragment(run_every="30s")
def render_deduplication() -> None:
    days = st.segmented_control(
        "Period",
        list(_RANGE_LABELS),
        default=7,
        format_func=_RANGE_LABELS.__getitem__,
        required=True,
        key="dedup_days",
        bind="query-params",
    )
    with notices.render_errors():
        report = pipeline.query_deduplication(days)
        if not report.delivered:
            notices.render_empty_state("No objects were loaded in this period.")
            return
        _render_metrics(report)
        tables.render_table(
            tables.build_table_frame(_build_row(symbol) for symbol in report.symbols),
            {
                "symbol": st.column_config.TextColumn("Symbol"),
                "objects": tables.count_column(
                    "Objects", "Loaded objects that are still in the lake"
                ),
                "delivered": tables.count_column("Delivered", "Rows in these objects"),
                "stored": tables.count_column("Stored", "Minutes in the warehouse"),
                "repeated": tables.count_column(
                    "Duplicates", "Rows of minutes that were delivered before"
                ),
                "quarantined": tables.count_column("Rejected", "Rows that violate a rule"),
                "share": st.column_config.NumberColumn("Duplicate rate", format="percent"),
            },
            "Delivered and stored rows by symbol",
        )
        st.caption(
            "Delivered = stored + duplicates + rejected. Each minute is fetched over REST, and "
            "again from the daily archive. The later fetch replaces the earlier one."
        )


def _render_metrics(report: DeduplicationReport) -> None:
    stored = sum(symbol.stored for symbol in report.symbols)
    rejected = sum(symbol.quarantined for symbol in report.symbols)
    duplicate_rate = f"{report.repeated / report.delivered:.1%} of delivered"
    metrics = (
        ("Delivered", report.delivered, None, "Rows of all objects"),
        ("Stored", stored, None, "Minutes in the warehouse"),
        (
            "Duplicates",
            report.repeated,
            duplicate_rate,
            "Rows of minutes that were delivered before",
        ),
        ("Rejected", rejected, None, "Rows that violate a rule"),
    )
    with st.grid(4, min_column_width=150):
        for label, value, detail, help_text in metrics:
            st.metric(
                label,
                f"{value:,}",
                detail,
                delta_color="off",
                delta_arrow="off",
                help=help_text,
                border=True,
                height="stretch",
            )


def _build_row(symbol: SymbolDeduplication) -> dict[str, object]:
    return {
        "symbol": symbol.symbol,
        "objects": symbol.objects,
        "delivered": symbol.delivered,
        "stored": symbol.stored,
        "repeated": symbol.repeated,
        "quarantined": symbol.quarantined,
        "share": symbol.repeated / symbol.delivered if symbol.delivered else 0.0,
    }
