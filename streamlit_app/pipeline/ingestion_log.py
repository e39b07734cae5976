"""The ingestion log: every object of the lake, the newest fetch first, a page at a time."""

import streamlit as st

from crypto_assets.market.lake_object import LakeObject
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline

_PAGE = 100
_TRAIL = "log_trail"  # the last objects of the pages before this one


@st.fragment(run_every="10s")
def show() -> None:
    with notices.in_words():
        trail: list[LakeObject] = st.session_state.setdefault(_TRAIL, [])
        found = pipeline.log(_PAGE + 1, trail[-1] if trail else None)
        if not found:
            notices.nothing("Nothing has been fetched yet.")
            return
        shown = found[:_PAGE]
        tables.show(
            tables.frame(
                (_row(item) for item in shown),
                ["fetched_at", "first_time", "last_time", "loaded_at"],
                ["size_bytes"],
            ),
            {
                "fetched_at": tables.moment("Fetched (UTC)"),
                "symbol": st.column_config.TextColumn("Symbol", width="small"),
                "kind": st.column_config.TextColumn("Kind", width="small"),
                "source": st.column_config.TextColumn("Source", width="small"),
                "rows": tables.count("Rows"),
                "size_bytes": tables.size("Size"),
                "first_time": tables.moment("From (UTC)"),
                "last_time": tables.moment("To (UTC)"),
                "loaded_at": tables.moment("Loaded (UTC)", "empty where it waits to be loaded"),
                "object": st.column_config.TextColumn("Object"),
            },
            "Objects of the lake, newest fetch first",
        )
        _turn(trail, shown, more=len(found) > _PAGE)


def _turn(trail: list[LakeObject], shown: list[LakeObject], more: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, possible, then in (
            ("Newer", ":material/arrow_back:", bool(trail), trail[:-1]),
            ("Older", ":material/arrow_forward:", more, [*trail, shown[-1]]),
        ):
            st.button(
                label,
                icon=icon,
                disabled=not possible,
                key=f"log_{label}",
                on_click=st.session_state.__setitem__,
                args=(_TRAIL, then),
            )
        first = len(trail) * _PAGE + 1
        st.caption(f"Objects {first:,} to {first + len(shown) - 1:,}", width="content")


def _row(item: LakeObject) -> dict[str, object]:
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
