"""Which page a session showed before the current one."""

import streamlit as st

_CURRENT_KEY, _PREVIOUS_KEY = "_page", "_page_before"


def record_visit(page: str) -> None:
    """Record that a page is shown, before it runs."""
    st.session_state[_PREVIOUS_KEY] = st.session_state.get(_CURRENT_KEY)
    st.session_state[_CURRENT_KEY] = page


def is_return_visit() -> bool:
    """Return whether the run before this one showed another page."""
    previous = st.session_state.get(_PREVIOUS_KEY)
    return previous is not None and previous != st.session_state.get(_CURRENT_KEY)
