"""Revisions: candles that a later fetch changed, with both values and sources."""

from dataclasses import asdict

import streamlit as st

from crypto_assets.warehouse.klines.revisions import Revision
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import render_symbol_filter


@st.fragment(run_every="30s")
def render_revisions() -> None:
    with notices.render_errors():
        revisions = quality.query_revisions(render_symbol_filter())
        if not revisions:
            notices.render_empty_state("No revisions.")
            return
        tables.render_table(
            tables.build_table_frame(
                (_build_row(revision) for revision in revisions),
                ["open_time", "old_fetched_at", "new_fetched_at", "noted_at"],
            ),
            {
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "open_time": tables.time_column("Minute (UTC)"),
                "changed": st.column_config.TextColumn("Changes, old to new", width="large"),
                "old_source": st.column_config.TextColumn("Old source", width="small"),
                "old_fetched_at": tables.time_column("Old fetch (UTC)"),
                "new_source": st.column_config.TextColumn("New source", width="small"),
                "new_fetched_at": tables.time_column("New fetch (UTC)"),
                "noted_at": tables.time_column("Recorded (UTC)"),
            },
            "Candles that a later fetch changed",
        )
        if len(revisions) == quality.MAX_LISTED_ROWS:
            st.caption(f"Showing the newest {quality.MAX_LISTED_ROWS:,}.")


def _build_row(revision: Revision) -> dict[str, object]:
    return {
        "symbol": revision.symbol,
        "open_time": revision.open_time,
        "changed": format_changed_columns(revision),
        "old_source": revision.old_source,
        "old_fetched_at": revision.old_fetched_at,
        "new_source": revision.new_source,
        "new_fetched_at": revision.new_fetched_at,
        "noted_at": revision.noted_at,
    }


def format_changed_columns(revision: Revision) -> str:
    """Format the columns that differ: `close 1.5 to 1.6, trade_count 3 to 4`."""
    old, new = asdict(revision.old), asdict(revision.new)
    return ", ".join(
        f"{name} {old[name].normalize():f} to {new[name].normalize():f}"
        if hasattr(old[name], "normalize")
        else f"{name} {old[name]} to {new[name]}"
        for name in old
        if old[name] != new[name]
    )
