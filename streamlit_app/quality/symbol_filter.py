"""The symbol filter of the lists."""

import streamlit as st

from streamlit_app import data

_ALL_SYMBOLS = "All symbols"


def render_symbol_filter() -> str | None:
    """Return the chosen symbol, None for all. The query parameter is `of`."""
    names = [one.symbol for one in data.query_instruments()]
    chosen = st.selectbox(
        "Symbol", [_ALL_SYMBOLS, *names], key="of", bind="query-params", width=180
    )
    return None if chosen == _ALL_SYMBOLS else chosen
