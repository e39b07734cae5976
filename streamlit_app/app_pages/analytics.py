"""Analytics: candles of one symbol with volume and indicators, over any range."""

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from streamlit_app import data
from streamlit_app.analytics import candle_chart, cards
from streamlit_app.analytics.selection import select
from streamlit_app.components import notices
from streamlit_app.data import analytics

try:
    instruments = {one.symbol: one for one in data.instruments()}
    held = analytics.held()
except CryptoAssetsError as error:
    notices.show(error)
    notices.look_again()
    st.stop()
if not instruments:
    notices.no_symbols()
    st.stop()

chosen = select(instruments, held)


@st.fragment(run_every="10s")
def chart() -> None:
    with notices.in_words():
        candle_chart.show(chosen)


@st.fragment(run_every="10s")
def beside() -> None:
    with notices.in_words():
        cards.show(chosen)


chart()
beside()
