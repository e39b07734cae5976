"""The ingestion log: the objects of the lake in pages, newest fetch first."""

import streamlit as st

from crypto_assets.market.lake_object import LakeObject
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline

_PAGE_ROWS = 100
_TRAIL_KEY = "log_trail"  # the last object of each previous page


@st.fragment(run_every="10s")
def render_ingestion_log() -> None:
    with notices.render_errors():
        trail: list[LakeObject] = st.session_state.setdefault(_TRAIL_KEY, [])
        objects = pipeline.query_ingestion_log(_PAGE_ROWS + 1, trail[-1] if trail else None)
        if not objects:
            notices.render_empty_state("No objects yet.")
            return
        page = objects[:_PAGE_ROWS]
        tables.render_table(
            tables.build_table_frame(
                (_build_row(item) for item in page),
                ["fetched_at", "first_time", "last_time", "loaded_at"],
                ["size_bytes"],
            ),
            {
                "fetched_at": tables.time_column("Fetched (UTC)"),
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "kind": st.column_config.TextColumn("Kind", width="small"),
                "source": st.column_config.TextColumn("Source", width="small"),
                "rows": tables.count_column("Rows"),
                "size_bytes": tables.size_column("Size"),
                "first_time": tables.time_column("From (UTC)"),
                "last_time": tables.time_column("To (UTC)"),
                "loaded_at": tables.time_column("Loaded (UTC)", "Empty if not loaded yet"),
                "object": st.column_config.TextColumn("Object"),
            },
            "Lake objects, newest fetch first",
        )
        _render_page_buttons(trail, page, more=len(objects) > _PAGE_ROWS)


def _render_page_buttons(trail: list[LakeObject], page: list[LakeObject], more: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, enabled, new_trail in (
            ("Newer", ":material/arrow_back:", bool(trail), trail[:-1]),
            ("Older", ":material/arrow_forward:", more, [*trail, page[-1]]),
        ):
            st.button(
                label,
                icon=icon,
                disabled=not enabled,
                key=f"log_{label}",
                on_click=st.session_state.__setitem__,
                args=(_TRAIL_KEY, new_trail),
            )
        first = len(trail) * _PAGE_ROWS + 1
        st.caption(f"Objects {first:,} to {first + len(page) - 1:,}", width="content")


def _build_row(item: LakeObject) -> dict[str, object]:
    return {
        "fetched_at": item.fetched_at,
        "symbol": item.symbol,
        "kind": str(item.kind),
        "source": str(item.source),
        "rows": item.rows,
        "size_bytes": item.size_bytes,
        "first_time": item.first_time,
        "last_time": item.last_time,
        "loaded_at": item.loaded_at,
        "object": f"{item.bucket}/{item.key}",
    }
