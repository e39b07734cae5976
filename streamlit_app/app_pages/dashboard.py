"""Dashboard: every tracked symbol at a glance, totals, the flow, and what needs attention."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import flow_diagram, notices
from streamlit_app.dashboard import tiles


@st.fragment(run_every="10s")
def board() -> None:
    with notices.in_words():
        shown = data.dashboard()
        if not shown.tiles:
            notices.no_symbols()
            return
        with st.grid(tiles.columns(len(shown.tiles)), min_column_width=230):
            for tile in shown.tiles:
                tiles.tile(tile)
        tiles.attention(shown.attention)
        tiles.totals(shown)
        flow_diagram.show(data.flow())


board()
