"""Revisions: candles that a later fetch changed, with both values and both sources."""

from dataclasses import asdict

import streamlit as st

from crypto_assets.warehouse.klines.revisions import Revision
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import symbol_or_all


@st.fragment(run_every="30s")
def show() -> None:
    with notices.in_words():
        found = quality.revisions(symbol_or_all())
        if not found:
            notices.nothing("No candle was ever changed by a later fetch.")
            return
        tables.show(
            tables.frame(
                (_row(revision) for revision in found),
                ["open_time", "old_fetched_at", "new_fetched_at", "noted_at"],
            ),
            {
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "open_time": tables.moment("Minute (UTC)"),
                "changed": st.column_config.TextColumn("What changed, old to new", width="large"),
                "old_source": st.column_config.TextColumn("Old source", width="small"),
                "old_fetched_at": tables.moment("Old fetch"),
                "new_source": st.column_config.TextColumn("New source", width="small"),
                "new_fetched_at": tables.moment("New fetch"),
                "noted_at": tables.moment("Noted"),
            },
            "Candles that a later fetch changed",
        )
        if len(found) == quality.ROWS:
            st.caption(f"The newest {quality.ROWS:,}.")


def _row(revision: Revision) -> dict[str, object]:
    return {
        "symbol": revision.symbol,
        "open_time": revision.open_time,
        "changed": changed(revision),
        "old_source": revision.old_source,
        "old_fetched_at": revision.old_fetched_at,
        "new_source": revision.new_source,
        "new_fetched_at": revision.new_fetched_at,
        "noted_at": revision.noted_at,
    }


def changed(revision: Revision) -> str:
    """`close 1.5 to 1.6, trade_count 3 to 4`: the figures that differ."""
    old, new = asdict(revision.old), asdict(revision.new)
    return ", ".join(
        f"{name} {old[name].normalize():f} to {new[name].normalize():f}"
        if hasattr(old[name], "normalize")
        else f"{name} {old[name]} to {new[name]}"
        for name in old
        if old[name] != new[name]
    )
