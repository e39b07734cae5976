"""Analytics: the candle chart of a symbol with indicators, and charts of its statistics."""

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from streamlit_app.analytics import candle_chart, cards
from streamlit_app.analytics.selection import render_chart_inputs
from streamlit_app.components import notices
from streamlit_app.data import analytics

try:
    instruments = analytics.query_chartable_instruments()
    stored_windows = analytics.query_stored_windows()
except CryptoAssetsError as error:
    notices.render_error(error)
    notices.rerun_when_ready()
    st.stop()
if not instruments:
    notices.render_no_symbols()
    st.stop()

chosen = render_chart_inputs(instruments, stored_windows)
if chosen is None:
    st.stop()
selection = chosen


@st.fragment(run_every="10s")
def render_candles_part() -> None:
    with notices.render_errors():
        candle_chart.render_candle_chart(selection)


@st.fragment(run_every="10s")
def render_cards_part() -> None:
    with notices.render_errors():
        cards.render_chart_cards(selection)


render_candles_part()
render_cards_part()
