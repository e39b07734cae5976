"""Dashboard: every tracked symbol at a glance, totals, the flow, and what needs attention."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import flow_diagram, notices
from streamlit_app.dashboard import tiles


@st.fragment(run_every="10s")
def render_dashboard() -> None:
    with notices.render_errors():
        shown = data.query_dashboard()
        if not shown.tiles:
            notices.render_no_symbols()
            return
        with st.grid(tiles.choose_column_count(len(shown.tiles)), min_column_width=230):
            for tile in shown.tiles:
                tiles.render_symbol_tile(tile)
        tiles.render_attention(shown.attention)
        tiles.render_totals(shown)
        flow_diagram.render_flow_diagram(data.query_flow())


render_dashboard()
