"""Analytics: the candle chart of a symbol with indicators, and charts of its statistics."""

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from streamlit_app import actions
from streamlit_app.analytics import (
    candle_chart,
    cards,
    downloads,
    page_layout,
    replay,
    side_column,
)
from streamlit_app.analytics.selection import (
    build_selection,
    read_request,
    render_chart_inputs,
    render_first_inputs,
)
from streamlit_app.components import notices
from streamlit_app.data import analytics

actions.render_requested_dialog()
try:
    instruments = analytics.query_chartable_instruments()
    stored_windows = analytics.query_stored_windows()
except CryptoAssetsError as error:
    notices.render_error(error)
    notices.rerun_when_ready()
    st.stop()
if not instruments:
    notices.render_no_symbols()
    st.stop()

request = read_request(instruments)
replay.record_replay()
toolbar = page_layout.create_toolbar()
notices.render_problems(request.problems)
errors = page_layout.create_error_area()
workspace = page_layout.create_workspace()
selection = build_selection(request, instruments, stored_windows)


@st.fragment(run_every="10s")
def render_download_part() -> None:
    with notices.render_errors():
        if selection is not None:
            downloads.render_download_menu(selection)


@st.fragment(run_every="10s")
def render_errors_part() -> None:
    with notices.render_errors():
        if selection is not None:
            candle_chart.render_indicator_errors(selection)


@st.fragment(run_every="10s")
def render_candles_part() -> None:
    with notices.render_errors():
        if selection is not None:
            candle_chart.render_chart_part(selection)


@st.fragment(run_every="10s")
def render_side_part() -> None:
    with notices.render_errors():
        side_column.render_side_column(selection)


@st.fragment(run_every="10s")
def render_cards_part() -> None:
    with notices.render_errors():
        if selection is not None:
            cards.render_chart_cards(selection)


render_first_inputs(request, instruments, toolbar)
# Then the chart, since it is what the viewer waits for.
with workspace.chart:
    render_candles_part()
render_chart_inputs(request, instruments, stored_windows, toolbar, workspace.range_bar)
with toolbar:
    render_download_part()
with errors:
    render_errors_part()
with workspace.side:
    render_side_part()
render_cards_part()
actions.render_messages()
