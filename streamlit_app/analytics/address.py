"""The address of the page Analytics, which contains everything that it shows.

The address is the only state: widgets show its values, and a change of a widget is a change of the
address. Unlike `bind="query-params"` of Streamlit, values that are not valid stay in the address.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from streamlit_app.analytics.indicator_instances import Query
from streamlit_app.page_visits import is_return_visit

_STORED_KEY = "_analytics_address"
# The zoom restores itself, if it applies to the same range.
_NOT_STORED = frozenset({"view"})


def load_address() -> Query:
    """Return the parameters of the address.

    A viewer who returns from another page without parameters gets the ones from before.
    """
    stored: Mapping[str, list[str]] = st.session_state.get(_STORED_KEY, {})
    if is_return_visit() and not list(st.query_params):
        for name, values in stored.items():
            st.query_params[name] = values
    return _store_address()


def read_address() -> Query:
    """Return the parameters of the address."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def change_address(changes: Mapping[str, str | Sequence[str] | None]) -> None:
    """Set parameters of the address; None and an empty list remove one."""
    for name, value in changes.items():
        if value:
            st.query_params[name] = value if isinstance(value, str) else list(value)
        elif name in st.query_params:
            del st.query_params[name]
    _store_address()


def sync_widget(key: str, value: object) -> str:
    """Let the widget with a key show a value, and return the key.

    A value that it shows already is not set again, which would interrupt someone who types.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def on_widget_change(
    key: str, build_changes: Callable[[Any], Mapping[str, str | Sequence[str] | None]]
) -> Callable[[], None]:
    """Return a callback that applies the changes for a widget's new value to the address."""

    def change() -> None:
        change_address(build_changes(st.session_state[key]))

    return change


def _store_address() -> Query:
    query = read_address()
    st.session_state[_STORED_KEY] = {
        name: values for name, values in query.items() if name not in _NOT_STORED
    }
    return query
