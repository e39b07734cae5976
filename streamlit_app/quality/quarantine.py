"""Quarantine: what broke a rule and was set aside, why, and where it lies."""

import streamlit as st

from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import render_symbol_filter


@st.fragment
def render_quarantine() -> None:
    with notices.render_errors():
        found = quality.query_quarantine(render_symbol_filter())
        if not found:
            notices.render_empty_state("Nothing was ever set aside.")
            return
        chosen = tables.render_table(
            tables.build_table_frame(
                (_build_row(item) for item in found), ["open_time", "noted_at"]
            ),
            {
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "kind": st.column_config.TextColumn("Kind", width="small"),
                "reason": st.column_config.TextColumn("Why", width="large"),
                "open_time": tables.time_column(
                    "Minute (UTC)", "empty where it is the whole object"
                ),
                "object": st.column_config.TextColumn("Object", width="large"),
                "noted_at": tables.time_column("Noted"),
            },
            "What was set aside, the last noted first",
            key="quarantined",
            on_select="rerun",
            selection_mode="single-row",
        )
        picked = chosen.selection.rows
        if picked and picked[0] < len(found):
            _render_content(found[picked[0]])
        else:
            st.caption("Pick a row to see what stands in the object.")


def _build_row(item: QuarantineRecord) -> dict[str, object]:
    return {
        "symbol": item.symbol,
        "kind": str(item.kind),
        "reason": item.reason,
        "open_time": item.open_time,
        "object": f"{item.bucket}/{item.key}",
        "noted_at": item.noted_at,
    }


def _render_content(item: QuarantineRecord) -> None:
    st.code(f"{item.bucket}/{item.key}\n{item.reason}\n\n{item.content}", None, wrap_lines=True)
