"""Quarantine: rejected rows and objects, with the reason and the source object."""

import streamlit as st

from crypto_assets.warehouse.quality.quarantine import QuarantineRecord
from streamlit_app.components import notices, tables
from streamlit_app.data import quality
from streamlit_app.quality.symbol_filter import render_symbol_filter


@st.fragment
def render_quarantine() -> None:
    with notices.render_errors():
        records = quality.query_quarantine(render_symbol_filter())
        if not records:
            notices.render_empty_state("No rejected rows.")
            return
        table = tables.render_table(
            tables.build_table_frame(
                (_build_row(item) for item in records), ["open_time", "noted_at"]
            ),
            {
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "kind": st.column_config.TextColumn("Kind", width="small"),
                "reason": st.column_config.TextColumn("Reason", width="large"),
                "open_time": tables.time_column("Minute (UTC)", "Empty for a whole object"),
                "object": st.column_config.TextColumn("Object", width="large"),
                "noted_at": tables.time_column("Recorded (UTC)"),
            },
            "Rejected rows and objects, newest first",
            key="quarantined",
            on_select="rerun",
            selection_mode="single-row",
        )
        selected = table.selection.rows
        if selected and selected[0] < len(records):
            _render_content(records[selected[0]])
        else:
            st.caption("Select a row to see the content of the object.")


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
