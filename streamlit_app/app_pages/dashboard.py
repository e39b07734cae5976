"""Dashboard: a tile per tracked symbol, issues, totals, and the data flow."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import flow_diagram, notices
from streamlit_app.dashboard import tiles


@st.fragment(run_every="10s")
def render_dashboard() -> None:
    with notices.render_errors():
        dashboard = data.query_dashboard()
        if not dashboard.tiles:
            notices.render_no_symbols()
            return
        with st.grid(tiles.choose_column_count(len(dashboard.tiles)), min_column_width=230):
            for tile in dashboard.tiles:
                tiles.render_symbol_tile(tile)
        tiles.render_attention(dashboard.attention)
        tiles.render_totals(dashboard)
        flow_diagram.render_flow_diagram(data.query_flow())


render_dashboard()
