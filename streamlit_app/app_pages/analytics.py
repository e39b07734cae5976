"""Analytics: the candle chart of a symbol with indicators, and charts of its statistics."""

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from streamlit_app import data
from streamlit_app.analytics import candle_chart, cards, downloads, page_layout, side_column
from streamlit_app.analytics.selection import render_chart_inputs
from streamlit_app.components import notices
from streamlit_app.data import analytics

page_layout.apply_page_style()
try:
    instruments = {instrument.symbol: instrument for instrument in data.query_instruments()}
    stored_windows = analytics.query_stored_windows()
except CryptoAssetsError as error:
    notices.render_error(error)
    notices.rerun_when_ready()
    st.stop()
if not instruments:
    notices.render_no_symbols()
    st.stop()

layout = page_layout.create_page_layout()
selection = render_chart_inputs(instruments, stored_windows, layout.toolbar, layout.range_bar)


@st.fragment(run_every="10s")
def render_download_part() -> None:
    with notices.render_errors():
        if (shown := candle_chart.get_shown_window(selection)) is not None:
            downloads.render_download_menu(
                downloads.format_file_name(selection.instrument.symbol, selection.interval, shown),
                lambda: candle_chart.query_shown_chart(selection, shown),
                candle_chart.request_picture,
            )


@st.fragment(run_every="10s")
def render_candles_part() -> None:
    with notices.render_errors():
        candle_chart.render_chart_part(selection)


@st.fragment(run_every="10s")
def render_side_part() -> None:
    with notices.render_errors():
        side_column.render_side_column(selection.instrument)


@st.fragment(run_every="10s")
def render_cards_part() -> None:
    with notices.render_errors():
        cards.render_chart_cards(selection)


with layout.toolbar:
    render_download_part()
with layout.chart:
    render_candles_part()
with layout.side:
    render_side_part()
render_cards_part()
