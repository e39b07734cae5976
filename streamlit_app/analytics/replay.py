"""The bar replay of the candle chart: a moment of the past, after which it shows nothing.

The chart itself hides the candles. This session, which is that of one tab, knows the moment for
downloads, and for a viewer who returns from another page.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, from_epoch_ms

_SESSION_KEY, _DRAWN_KEY = "_replay", "_replay_drawn"
_LATEST_MS = 253_402_300_799_999  # The end of the year 9999.


def handle_replay_report(report: Mapping[str, Any] | None) -> None:
    """Store the moment that the browser reports with its view, None outside of a replay."""
    match (report or {}).get("replay"):
        case int() | float() as moment if 0 < moment <= _LATEST_MS:
            st.session_state[_SESSION_KEY] = int(moment)
        case _:
            st.session_state[_SESSION_KEY] = None


def get_replay_moment() -> int | None:
    """Return the moment of the replay (epoch ms), None outside of one."""
    moment = st.session_state.get(_SESSION_KEY)
    return moment if isinstance(moment, int) else None


def record_replay() -> None:
    """Record that the page is drawn for the moment of the replay."""
    st.session_state[_DRAWN_KEY] = get_replay_moment()


def rerun_if_moved() -> None:
    """Run the whole page again if the chart, which reruns alone, has another moment: its files."""
    if st.session_state.get(_DRAWN_KEY) != get_replay_moment():
        st.rerun()


def limit_to_replay(stored_window: Window, interval: Interval) -> Window:
    """Return the stored candles that had closed at the moment of the replay, at least one."""
    moment = get_replay_moment()
    if moment is None:
        return stored_window
    first = interval.floor(stored_window.start_ms)
    end = interval.floor(min(moment, stored_window.end_ms))
    return Window(stored_window.start_ms, max(end, first + interval.ms))


def format_replay_suffix() -> str:
    """Return the end of a file name: `-replay-until-20250306T0900`, empty outside of a replay."""
    moment = get_replay_moment()
    return "" if moment is None else f"-replay-until-{from_epoch_ms(moment):%Y%m%dT%H%M}"
