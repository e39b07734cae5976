"""The viewer's time zone: the query parameter `tz`, else the browser's.

It is `UTC`, `local`, `exchange`, or an IANA name. The chart's script keeps the last choice of each
browser and reports it if the address has none.
"""

from typing import Any

import streamlit as st

from streamlit_app.components import notices
from streamlit_app.format.viewer_zone import LOCAL, ViewerZone

_QUERY_PARAMETER, _SESSION_KEY = "tz", "_time_zone"


def get_zone_choice() -> str:
    """Return the choice of the address or of this session, empty without one."""
    choice = st.query_params.get(_QUERY_PARAMETER) or st.session_state.get(_SESSION_KEY, "")
    if choice and _QUERY_PARAMETER not in st.query_params and choice != LOCAL:
        st.query_params[_QUERY_PARAMETER] = choice  # The viewer returns from another page.
    st.session_state[_SESSION_KEY] = choice
    return str(choice)


def get_viewer_zone() -> ViewerZone:
    """Return the zone of the choice, the browser's if there is none or if it is unknown."""
    browser_zone = st.context.timezone
    try:
        return ViewerZone.resolve(get_zone_choice() or LOCAL, browser_zone)
    except KeyError:
        return ViewerZone.resolve(LOCAL, browser_zone)


def render_unknown_zone() -> None:
    """Warn about a time zone in the address that does not exist."""
    choice = get_zone_choice()
    try:
        ViewerZone.resolve(choice or LOCAL, None)
    except KeyError:
        st.warning(
            f"**Unknown time zone: {notices.escape_markdown(choice)}.** Times are in "
            f"{get_viewer_zone().label}.",
            icon=":material/schedule:",
        )


def handle_zone_report(report: Any) -> None:
    """Store a choice that the browser reports."""
    choice = report if isinstance(report, str) else ""
    st.session_state[_SESSION_KEY] = choice
    if choice and choice != LOCAL:
        st.query_params[_QUERY_PARAMETER] = choice
    elif _QUERY_PARAMETER in st.query_params:
        del st.query_params[_QUERY_PARAMETER]
