"""Analytics: candles of one symbol with volume and indicators, over any range."""

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.intervals import Interval
from streamlit_app import chart_view, data, notices, ranges, switches

try:
    instruments = {one.symbol: one for one in data.instruments()}
except CryptoAssetsError as error:
    notices.show(error)
    notices.look_again()
    st.stop()
if not instruments:
    notices.no_symbols()
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    symbol = st.selectbox("Symbol", list(instruments), key="symbol", bind="query-params", width=180)
    interval = st.segmented_control(
        "Interval",
        list(Interval),
        default=Interval.H1,
        required=True,
        key="interval",
        bind="query-params",
    )
    reach = st.segmented_control(
        "Range",
        list(ranges.Range),
        default=ranges.Range.WEEK,
        required=True,
        key="range",
        bind="query-params",
    )
    with st.popover("Indicators", icon=":material/show_chart:"):
        chosen = switches.choose(switches.overlays(), on_at_first=frozenset({"sma", "ema"}))


@st.fragment(run_every="10s")
def chart() -> None:
    with notices.in_words():
        chart_view.show(instruments[symbol], interval, reach, chosen)


chart()
