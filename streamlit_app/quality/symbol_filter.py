"""Which symbol a list is of: one, or all."""

import streamlit as st

from streamlit_app import data

_ALL_SYMBOLS = "All symbols"


def render_symbol_filter() -> str | None:
    """None for all of them; in the address as `of`."""
    names = [one.symbol for one in data.query_instruments()]
    chosen = st.selectbox(
        "Symbol", [_ALL_SYMBOLS, *names], key="of", bind="query-params", width=180
    )
    return None if chosen == _ALL_SYMBOLS else chosen
