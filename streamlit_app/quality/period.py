"""The period of the page Quality: the figures, the calendar and the gaps are those of its days."""

from datetime import timedelta

import streamlit as st

from crypto_assets.market.utc_time import Window, day_of, now_ms
from crypto_assets.reports import CoverageCalendar
from streamlit_app.data import quality

_RANGE_LABELS = {30: "30 days", 90: "90 days", 365: "1 year"}
_DEFAULT_DAYS = 90
_KEY = "reach"


def render_period_control() -> None:
    """Draw the choice of the period."""
    st.segmented_control(
        "Period",
        list(_RANGE_LABELS),
        default=_DEFAULT_DAYS,
        format_func=_RANGE_LABELS.__getitem__,
        required=True,
        key=_KEY,
        bind="query-params",
    )


def read_period_window() -> Window:
    """Return the whole UTC days of the period, with today."""
    last = day_of(now_ms())
    days = st.session_state.get(_KEY) or _DEFAULT_DAYS
    return Window.of_days(last - timedelta(days=days - 1), last)


def query_period_coverage() -> CoverageCalendar:
    """Return the days of the period. Raises WarehouseError."""
    days = list(read_period_window().iter_days())
    return quality.query_coverage_calendar(days[0], days[-1])
