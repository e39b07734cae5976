"""The address of the page Analytics, which contains everything that it shows.

The address is the only state: widgets show its values, and a change of a widget is a change of the
address. Unlike `bind="query-params"` of Streamlit, values that are not valid stay in the address.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from streamlit_app.analytics.indicator_instances import Query
from streamlit_app.page_visits import is_return_visit

_STORED_KEY, _GENERATION_KEY = "_analytics_address", "_analytics_widgets"
_DRAWN_KEY = "_analytics_drawn"
_REPLACED_KEY, _IS_CHANGED_KEY = "_analytics_replaced", "_analytics_changed"
# The zoom restores itself, if it applies to the same range.
_NOT_STORED = frozenset({"view"})


def load_address() -> Query:
    """Return the parameters of the address, at the start of a run of the page.

    A viewer who returns from another page without parameters gets the ones from before.
    """
    restore_unseen_changes()
    if not st.session_state.pop(_IS_CHANGED_KEY, False):
        st.session_state[_REPLACED_KEY] = []  # The browser has the address of the last change.
    stored: Mapping[str, list[str]] = st.session_state.get(_STORED_KEY, {})
    if is_return_visit() and not list(st.query_params):
        for name, values in stored.items():
            st.query_params[name] = values
    query = read_address()
    if _select_stored(query) != stored:
        _renew_widgets()  # The browser went back, or a link was opened.
    st.session_state[_STORED_KEY] = st.session_state[_DRAWN_KEY] = _select_stored(query)
    return query


def rerun_if_changed() -> None:
    """Run the whole page again if a part of it, which reruns alone, has changed the address."""
    if st.session_state.get(_STORED_KEY) != st.session_state.get(_DRAWN_KEY):
        st.rerun()


def read_address() -> Query:
    """Return the parameters of the address."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def change_address(
    changes: Mapping[str, str | Sequence[str] | None], *, keep_widgets: bool = False
) -> None:
    """Set parameters of the address; None and an empty list remove one.

    The widgets show the new values unless `keep_widgets`: then they show them already.
    """
    restore_unseen_changes()
    replaced = st.session_state.setdefault(_REPLACED_KEY, [])
    replaced.append(_select_stored(read_address()))
    st.session_state[_IS_CHANGED_KEY] = True
    for name, value in changes.items():
        if value:
            st.query_params[name] = value if isinstance(value, str) else list(value)
        elif name in st.query_params:
            del st.query_params[name]
    st.session_state[_STORED_KEY] = _select_stored(read_address())
    if not keep_widgets:
        _renew_widgets()


def restore_unseen_changes() -> None:
    """Set the address of the last change if the browser sent this request before it received it.

    The request has an address that this session has replaced since. A viewer who goes back in the
    history also returns to one, but Streamlit marks such a request.
    """
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        return
    current = _select_stored(read_address())
    stored: Mapping[str, list[str]] = st.session_state.get(_STORED_KEY, current)
    if current != stored and current in st.session_state.get(_REPLACED_KEY, []):
        for name in current.keys() - stored.keys():
            del st.query_params[name]
        for name, values in stored.items():
            st.query_params[name] = values
        st.session_state[_IS_CHANGED_KEY] = True


def format_widget_key(name: str) -> str:
    """Return the key of the widget of a parameter, whose default is the value of the address.

    A widget in a menu that is closed does not get a value that the program sets, and would return
    its former one later. So it gets a new key, and with it a new state, instead.
    """
    generation = st.session_state.get(_GENERATION_KEY, 0)
    return f"{name}--{generation}" if generation else name


def on_widget_change(
    name: str, build_changes: Callable[[Any], Mapping[str, str | Sequence[str] | None]]
) -> Callable[[], None]:
    """Return a callback that applies the changes for a widget's new value to the address."""
    key = format_widget_key(name)

    def change() -> None:
        change_address(build_changes(st.session_state[key]), keep_widgets=True)

    return change


def _renew_widgets() -> None:
    if _STORED_KEY in st.session_state:
        st.session_state[_GENERATION_KEY] = st.session_state.get(_GENERATION_KEY, 0) + 1


def _select_stored(query: Query) -> dict[str, list[str]]:
    return {name: list(values) for name, values in query.items() if name not in _NOT_STORED}
