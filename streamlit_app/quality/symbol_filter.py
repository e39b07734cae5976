"""Which symbol a list is of: one, or all."""

import streamlit as st

from streamlit_app import data

_ALL = "All symbols"


def symbol_or_all() -> str | None:
    """None for all of them; in the address as `of`."""
    names = [one.symbol for one in data.instruments()]
    chosen = st.selectbox("Symbol", [_ALL, *names], key="of", bind="query-params", width=180)
    return None if chosen == _ALL else chosen
