"""The tabs of a page, of which only the open one is drawn."""

from collections.abc import Callable, Mapping

import streamlit as st


def render_tabs(parts: Mapping[str, Callable[[], None]]) -> None:
    """Draw a tab per title, and the part of the open tab. The query parameter is `part`."""
    tabs = st.tabs(list(parts), key="part", on_change="rerun", bind="query-params")
    for tab, render_part in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                render_part()
