"""Deduplication: how often minutes were delivered, and that each is held once."""

import streamlit as st

from crypto_assets.reports import DeduplicationReport, SymbolDeduplication
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline

_RANGE_LABELS = {1: "Today", 7: "7 days", 30: "30 days"}


@st.fragment(run_every="30s")
def render_deduplication() -> None:
    days = st.segmented_control(
        "Over",
        list(_RANGE_LABELS),
        default=7,
        format_func=_RANGE_LABELS.__getitem__,
        required=True,
        key="dedup_days",
        bind="query-params",
    )
    with notices.render_errors():
        found = pipeline.query_deduplication(days)
        if not found.delivered:
            notices.render_empty_state("Nothing was delivered in this time.")
            return
        _render_figures(found)
        tables.render_table(
            tables.build_table_frame(_build_row(one) for one in found.symbols),
            {
                "symbol": st.column_config.TextColumn("Symbol"),
                "objects": tables.count_column("Objects", "loaded objects that the lake still has"),
                "delivered": tables.count_column("Delivered", "rows in these objects"),
                "held": tables.count_column("Held", "minutes that they became, each once"),
                "repeated": tables.count_column(
                    "Repeated", "rows that said again what another had said"
                ),
                "quarantined": tables.count_column("Set aside", "rows that broke a rule"),
                "share": st.column_config.NumberColumn("Share repeated", format="percent"),
            },
            "Rows delivered and held, by symbol",
        )
        st.caption(
            "Delivered = held + repeated + set aside. A minute is fetched by the tick, and again "
            "when its day's archive appears; the later fetch wins and each minute is held once."
        )


def _render_figures(found: DeduplicationReport) -> None:
    held = sum(one.stored for one in found.symbols)
    aside = sum(one.quarantined for one in found.symbols)
    share = f"{found.repeated / found.delivered:.1%} of delivered"
    figures = (
        ("Delivered", found.delivered, None, "rows of all objects"),
        ("Held", held, None, "minutes, each once"),
        ("Repeated", found.repeated, share, "rows that said again what another had said"),
        ("Set aside", aside, None, "rows that broke a rule"),
    )
    with st.grid(4, min_column_width=150):
        for label, value, part, about in figures:
            st.metric(
                label,
                f"{value:,}",
                part,
                delta_color="off",
                delta_arrow="off",
                help=about,
                border=True,
                height="stretch",
            )


def _build_row(one: SymbolDeduplication) -> dict[str, object]:
    return {
        "symbol": one.symbol,
        "objects": one.objects,
        "delivered": one.delivered,
        "held": one.stored,
        "repeated": one.repeated,
        "quarantined": one.quarantined,
        "share": one.repeated / one.delivered if one.delivered else 0.0,
    }
