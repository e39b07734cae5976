"""The symbol filter of the lists."""

import streamlit as st

from streamlit_app import data

_ALL_SYMBOLS = "All symbols"


def render_symbol_filter() -> str | None:
    """Return the chosen symbol, None for all. The query parameter is `of`."""
    names = [instrument.symbol for instrument in data.query_instruments()]
    symbol = st.selectbox(
        "Symbol", [_ALL_SYMBOLS, *names], key="of", bind="query-params", width=180
    )
    return None if symbol == _ALL_SYMBOLS else symbol
