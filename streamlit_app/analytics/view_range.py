"""What of a chart its viewer has zoomed to: kept over refreshes, other symbols, and reloads.

It stands in the page's address as `view=FROM-TO` in epoch seconds, and belongs to the range that
was chosen when it was made: another range shows itself whole.
"""

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from crypto_assets.market.utc_time import Window

_QUERY_PARAMETER, _SESSION_KEY = "view", "_view"
# Fewer digits are a date, not the seconds of any candle.
_ZOOM_PATTERN = re.compile(r"(\d{9,11})-(\d{9,11})")


def get_zoom_window(scope: str) -> Window | None:
    """The part that is zoomed to, None for all of the range that `scope` names."""
    if _SESSION_KEY not in st.session_state:
        st.session_state[_SESSION_KEY] = (
            scope,
            _parse_zoom(st.query_params.get(_QUERY_PARAMETER, "")),
        )
    kept, view = st.session_state[_SESSION_KEY]
    if kept != scope:
        store_zoom_window(scope, None)
        return None
    if view is not None and _QUERY_PARAMETER not in st.query_params:
        store_zoom_window(scope, view)  # another page has been looked at meanwhile
    return view if isinstance(view, Window) else None


def store_zoom_window(scope: str, view: Window | None) -> None:
    st.session_state[_SESSION_KEY] = (scope, view)
    if view is not None:
        st.query_params[_QUERY_PARAMETER] = f"{view.start_ms // 1000}-{view.end_ms // 1000}"
    elif _QUERY_PARAMETER in st.query_params:
        del st.query_params[_QUERY_PARAMETER]


def handle_zoom_report(scope: str, report: Mapping[str, Any] | None) -> None:
    """Takes what the chart in the browser says; a report on another range comes too late."""
    if not report or report.get("scope") != scope:
        return
    ends = report.get("from"), report.get("to")
    whole = not all(isinstance(end, int | float) for end in ends)
    store_zoom_window(scope, None if whole else _build_window(*(int(end or 0) for end in ends)))


def _parse_zoom(text: str) -> Window | None:
    found = _ZOOM_PATTERN.fullmatch(text)
    return _build_window(*(int(second) * 1000 for second in found.groups())) if found else None


def _build_window(start: int, end: int) -> Window | None:
    """None where the ends are not in order, as an address that a hand wrote may have them."""
    window = Window(max(0, start), end)
    return window if window else None
