"""The chart to take away: its numbers as CSV or Parquet, itself as a PNG."""

import streamlit as st

from crypto_assets.market.utc_time import from_epoch_ms
from crypto_assets.reports import CandleChart
from streamlit_app.analytics import exports
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components.live_chart import PictureRequest

_PICTURE_COUNT_KEY = "_pictures"


def render_download_menu(chosen: ChartSelection, shown: CandleChart) -> PictureRequest:
    """Draws the buttons; the files are made when they are asked for."""
    name = _format_file_name(chosen, shown)
    with st.popover("Download", icon=":material/download:"):
        st.download_button(
            "CSV",
            lambda: exports.export_csv(shown),
            f"{name}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/table:",
            help="Candles and indicators, as many digits as the warehouse holds.",
            width="stretch",
        )
        st.download_button(
            "Parquet",
            lambda: exports.export_parquet(shown),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            on_click="ignore",
            icon=":material/view_column:",
            help="The same with exact decimals as their own type.",
            width="stretch",
        )
        st.button(
            "PNG",
            icon=":material/image:",
            key="png",
            on_click=_request_picture,
            help="The chart as you see it.",
            width="stretch",
        )
    return PictureRequest(name, st.session_state.get(_PICTURE_COUNT_KEY, 0))


def _request_picture() -> None:
    st.session_state[_PICTURE_COUNT_KEY] = st.session_state.get(_PICTURE_COUNT_KEY, 0) + 1


def _format_file_name(chosen: ChartSelection, shown: CandleChart) -> str:
    """`BTCUSDT-1h-20250301-20250308`, by the UTC days of the first and the last candle."""
    window = shown.candles.window
    first, last = (from_epoch_ms(ms) for ms in (window.start_ms, max(window.end_ms - 1, 0)))
    return f"{chosen.instrument.symbol}-{shown.candles.interval}-{first:%Y%m%d}-{last:%Y%m%d}"
