"""Downloads of a chart: its data as CSV or Parquet, and the chart as a PNG."""

from enum import StrEnum

import pyarrow as pa
import streamlit as st

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, from_epoch_ms
from streamlit_app.analytics import replay
from streamlit_app.analytics.chart_export import build_export_table, export_csv, export_parquet
from streamlit_app.analytics.chart_view import find_shown_window, trim_chart
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.data import analytics
from streamlit_app.data.ranges import CandleSlice, build_window_slice

MAX_EXPORTED_CANDLES = 100_000
_PICTURE_COUNT_KEY = "_pictures"


class ExportContent(StrEnum):
    """Which candles a file contains."""

    VIEW = "In view"
    RANGE = "All of the range"


def render_download_menu(selection: ChartSelection) -> None:
    """Draw the download buttons. A file is created when its button is clicked."""
    shown = find_shown_window(selection)
    if shown is None:
        return
    known = find_known_window(selection)
    with st.popover("Download", icon=":material/download:"):
        content = ExportContent(
            st.radio(
                "Candles",
                list(ExportContent),
                key="export_content",
                help=f"A file has at most the newest {MAX_EXPORTED_CANDLES:,} candles.",
            )
            or ExportContent.VIEW
        )
        window = shown if content is ExportContent.VIEW else None
        candle_slice = build_content_slice(selection, window)
        name = format_file_name(
            selection.instrument.symbol, selection.interval, candle_slice.window or shown
        )
        name += replay.format_replay_suffix()
        st.download_button(
            "CSV",
            lambda: export_csv(_read_table(selection, candle_slice, window, known)),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/table:",
            help="Candles and indicators, with the exact decimals of the warehouse.",
            width="stretch",
        )
        st.download_button(
            "Parquet",
            lambda: export_parquet(_read_table(selection, candle_slice, window, known)),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
            icon=":material/view_column:",
            help="The same data; prices and volumes are decimal columns.",
            width="stretch",
        )
        if st.button(
            "PNG",
            icon=":material/image:",
            key="png",
            on_click=_request_picture,
            help="The visible chart.",
            width="stretch",
        ):
            st.rerun()  # The chart is in another fragment.


def count_requested_pictures() -> int:
    """Return how many pictures of its chart this session has requested."""
    return int(st.session_state.get(_PICTURE_COUNT_KEY, 0))


def format_file_name(symbol: str, interval: Interval, window: Window) -> str:
    """`BTCUSDT-1h-20250301-20250308`, by the UTC days of the first and the last instant."""
    first, last = (from_epoch_ms(ms) for ms in (window.start_ms, max(window.end_ms - 1, 0)))
    return f"{symbol}-{interval}-{first:%Y%m%d}-{last:%Y%m%d}"


def find_known_window(selection: ChartSelection) -> Window:
    """Return the stored candles, in a replay those that had closed at its moment."""
    stored_window = analytics.query_stored_windows()[selection.instrument.symbol]
    return replay.limit_to_replay(stored_window, selection.interval)


def build_content_slice(selection: ChartSelection, view: Window | None) -> CandleSlice:
    """Return the newest candles of a view, or of the whole range, that a file contains."""
    stored_window = find_known_window(selection)
    if view is None:
        return selection.build_export_slice(stored_window, MAX_EXPORTED_CANDLES)
    return build_window_slice(selection.interval, view, stored_window, MAX_EXPORTED_CANDLES)


def _read_table(
    selection: ChartSelection, candle_slice: CandleSlice, view: Window | None, known: Window
) -> pa.Table:
    result = analytics.read_chart(
        selection.instrument.symbol, candle_slice, selection.enabled_indicators
    )
    start, end = (0, known.end_ms) if view is None else (view.start_ms, view.end_ms)
    shown = Window(start, min(end, known.end_ms))
    return build_export_table(trim_chart(result.chart, shown))


def _request_picture() -> None:
    st.session_state[_PICTURE_COUNT_KEY] = count_requested_pictures() + 1
