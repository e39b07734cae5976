"""The zoom of the candle chart, which survives refreshes, symbol changes, and reloads.

The query parameter is `view=FROM-TO` in epoch seconds. A zoom applies to the range in which it was
made; another range is shown whole.
"""

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from crypto_assets.market.utc_time import Window
from streamlit_app.analytics import address

_QUERY_PARAMETER, _SESSION_KEY, _LOAD_KEY = "view", "_view", "_load"
# Fewer digits are before the first candle.
_ZOOM_PATTERN = re.compile(r"(\d{9,11})-(\d{9,11})")


def get_zoom_window(scope: str) -> Window | None:
    """Return the visible window, None for the whole range that `scope` names."""
    if _SESSION_KEY not in st.session_state:
        st.session_state[_SESSION_KEY] = (
            scope,
            parse_zoom(st.query_params.get(_QUERY_PARAMETER, "")),
        )
    stored_scope, view = st.session_state[_SESSION_KEY]
    if stored_scope != scope:
        store_zoom_window(scope, None)
        return None
    if view is not None and _QUERY_PARAMETER not in st.query_params:
        store_zoom_window(scope, view)  # The viewer returns from another page.
    return view if isinstance(view, Window) else None


def store_zoom_window(scope: str, view: Window | None) -> None:
    """Store a zoom in the session and in the query parameter."""
    address.restore_unseen_changes()
    st.session_state[_SESSION_KEY] = (scope, view)
    if view is not None:
        st.query_params[_QUERY_PARAMETER] = f"{view.start_ms // 1000}-{view.end_ms // 1000}"
    elif _QUERY_PARAMETER in st.query_params:
        del st.query_params[_QUERY_PARAMETER]


def handle_zoom_report(scope: str, report: Mapping[str, Any] | None) -> None:
    """Store a zoom that the browser reports; ignore late reports of another range."""
    if not report or report.get("scope") != scope:
        return
    ends = report.get("from"), report.get("to")
    is_whole = not all(isinstance(end, int | float) for end in ends)
    store_zoom_window(scope, None if is_whole else _build_window(*(int(end or 0) for end in ends)))
    match report.get("load"):
        case [int() | float() as start, int() | float() as end]:
            st.session_state[_LOAD_KEY] = (scope, _build_window(int(start), int(end)))


def pop_load_window(scope: str) -> Window | None:
    """Return the further window that the browser asked for, once; None if there is none."""
    stored_scope, load = st.session_state.pop(_LOAD_KEY, ("", None))
    return load if stored_scope == scope else None


def parse_zoom(text: str) -> Window | None:
    """Return the window of `view=FROM-TO`, None if the text is not one."""
    match = _ZOOM_PATTERN.fullmatch(text)
    return _build_window(*(int(second) * 1000 for second in match.groups())) if match else None


def _build_window(start: int, end: int) -> Window | None:
    """Return None if the ends are not in order, as in an edited URL."""
    window = Window(max(0, start), end)
    return window if window else None
