"""Dashboard: a tile or a row per tracked symbol, issues, and totals."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import notices
from streamlit_app.dashboard import symbol_table, tiles
from streamlit_app.data import scheduler


@st.fragment(run_every="10s")
def render_dashboard() -> None:
    with notices.render_errors():
        dashboard = data.query_dashboard()
        if not dashboard.tiles:
            notices.render_no_symbols()
            return
        loading_days = scheduler.query_loading_days()
        if len(dashboard.tiles) > symbol_table.MAX_TILES:
            symbol_table.render_symbol_table(dashboard.tiles, loading_days)
        else:
            with st.grid(tiles.choose_column_count(len(dashboard.tiles)), min_column_width=230):
                for tile in dashboard.tiles:
                    tiles.render_symbol_tile(tile, loading_days.get(tile.instrument.symbol))
        tiles.render_attention(dashboard.attention)
        tiles.render_totals(dashboard)


render_dashboard()
