"""Downloads of a chart: its data as CSV or Parquet, and the chart as a PNG."""

from enum import StrEnum

import pyarrow as pa
import streamlit as st

from crypto_assets.market.utc_time import Window, from_epoch_ms
from crypto_assets.reports import CandleChart
from streamlit_app.analytics.chart_export import build_export_table, export_csv, export_parquet
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components.live_chart import PictureRequest
from streamlit_app.data import analytics

MAX_EXPORTED_CANDLES = 100_000
_PICTURE_COUNT_KEY = "_pictures"


class ExportContent(StrEnum):
    """Which candles a file contains."""

    VIEW = "In view"
    RANGE = "All of the range"


def render_download_menu(
    selection: ChartSelection, chart: CandleChart, view: Window | None = None
) -> PictureRequest:
    """Draw the download buttons. A file is created when its button is clicked.

    `view` is the visible window, None if the chart is not zoomed.
    """
    name = _format_file_name(selection, chart)
    with st.popover("Download", icon=":material/download:"):
        content = ExportContent(
            st.radio(
                "Candles",
                list(ExportContent),
                key="export_content",
                help="Of the whole range, a file has at most the newest "
                f"{MAX_EXPORTED_CANDLES:,} candles.",
            )
            or ExportContent.VIEW
        )
        st.download_button(
            "CSV",
            lambda: export_csv(_read_table(selection, chart, view, content)),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/table:",
            help="Candles and indicators, with the exact decimals of the warehouse.",
            width="stretch",
        )
        st.download_button(
            "Parquet",
            lambda: export_parquet(_read_table(selection, chart, view, content)),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
            icon=":material/view_column:",
            help="The same data; prices and volumes are decimal columns.",
            width="stretch",
        )
        st.button(
            "PNG",
            icon=":material/image:",
            key="png",
            on_click=_request_picture,
            help="The visible chart.",
            width="stretch",
        )
    return PictureRequest(name, st.session_state.get(_PICTURE_COUNT_KEY, 0))


def _read_table(
    selection: ChartSelection, chart: CandleChart, view: Window | None, content: ExportContent
) -> pa.Table:
    if content is ExportContent.VIEW:
        return build_export_table(chart, view)
    candle_slice = selection.build_export_slice(MAX_EXPORTED_CANDLES)
    whole = analytics.read_chart(
        selection.instrument.symbol, candle_slice, selection.enabled_indicators
    )
    return build_export_table(whole.chart)


def _request_picture() -> None:
    st.session_state[_PICTURE_COUNT_KEY] = st.session_state.get(_PICTURE_COUNT_KEY, 0) + 1


def _format_file_name(selection: ChartSelection, chart: CandleChart) -> str:
    """`BTCUSDT-1h-20250301-20250308`, by the UTC days of the first and the last candle."""
    window = chart.candles.window
    first, last = (from_epoch_ms(ms) for ms in (window.start_ms, max(window.end_ms - 1, 0)))
    return f"{selection.instrument.symbol}-{chart.candles.interval}-{first:%Y%m%d}-{last:%Y%m%d}"
