"""What of a chart its viewer has zoomed to: kept over refreshes, other symbols, and reloads.

It stands in the page's address as `view=FROM-TO` in epoch seconds, and belongs to the range that
was chosen when it was made: another range shows itself whole.
"""

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from crypto_assets.market.utc_time import Window

_ADDRESS, _KEPT = "view", "_view"
# Fewer digits are a date, not the seconds of any candle.
_WRITTEN = re.compile(r"(\d{9,11})-(\d{9,11})")


def seen(scope: str) -> Window | None:
    """The part that is zoomed to, None for all of the range that `scope` names."""
    if _KEPT not in st.session_state:
        st.session_state[_KEPT] = (scope, _parse(st.query_params.get(_ADDRESS, "")))
    kept, view = st.session_state[_KEPT]
    if kept != scope:
        keep(scope, None)
        return None
    if view is not None and _ADDRESS not in st.query_params:
        keep(scope, view)  # another page has been looked at meanwhile
    return view if isinstance(view, Window) else None


def keep(scope: str, view: Window | None) -> None:
    st.session_state[_KEPT] = (scope, view)
    if view is not None:
        st.query_params[_ADDRESS] = f"{view.start_ms // 1000}-{view.end_ms // 1000}"
    elif _ADDRESS in st.query_params:
        del st.query_params[_ADDRESS]


def reported(scope: str, report: Mapping[str, Any] | None) -> None:
    """Takes what the chart in the browser says; a report on another range comes too late."""
    if not report or report.get("scope") != scope:
        return
    ends = report.get("from"), report.get("to")
    whole = not all(isinstance(end, int | float) for end in ends)
    keep(scope, None if whole else _window(*(int(end or 0) for end in ends)))


def _parse(text: str) -> Window | None:
    found = _WRITTEN.fullmatch(text)
    return _window(*(int(second) * 1000 for second in found.groups())) if found else None


def _window(start: int, end: int) -> Window | None:
    """None where the ends are not in order, as an address that a hand wrote may have them."""
    window = Window(max(0, start), end)
    return window if window else None
