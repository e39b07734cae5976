"""The candle chart of the page Analytics: 24-hour summary, chart, and footnotes."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from crypto_assets.analytics import Panel
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleChart
from streamlit_app.analytics import day_summary, downloads, footnotes, zoom
from streamlit_app.analytics.chart_indicators import build_indicators, has_volume, select_panel
from streamlit_app.analytics.comparison import build_relative_chart
from streamlit_app.analytics.indicator_instances import choose_symbol_colours
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.components.live_chart import (
    PictureRequest,
    get_cached_figure,
    render_live_chart,
)
from streamlit_app.data import analytics
from streamlit_app.data.analytics import ChartResult
from streamlit_app.figures.candles import OHLC, ChartFrame, draw_candle_chart
from streamlit_app.figures.gap_shading import label_gap
from streamlit_app.format.decimal_places import DecimalPlaces

_KEY = "candles"


def render_candle_chart(selection: ChartSelection) -> None:
    """Draw the chart of a selection."""
    instrument, scope = selection.instrument, selection.scope
    if not selection.stored_window:
        if analytics.query_stored_windows().get(instrument.symbol):
            st.rerun()  # The first candles are stored now.
        notices.render_no_candles(instrument.symbol)
        footnotes.render_known_gaps(instrument.symbol)
        return
    header = st.container(horizontal=True, vertical_alignment="center", gap="small")
    if (day := analytics.query_statistics_24h(instrument.symbol)) is not None:
        with header:
            day_summary.render_day_summary(day, instrument)
    view = zoom.get_zoom_window(scope)
    result = analytics.query_chart(
        instrument.symbol, selection.build_candle_slice(view), selection.enabled_indicators
    )
    notices.render_provider_errors(result)
    if not result.chart.candles.table.num_rows and view is None:
        footnotes.render_empty_range(selection)
        return
    with header:
        picture = downloads.render_download_menu(selection, result.chart, view)
    _render_chart(selection, result, view, picture)
    footnotes.render_footnotes(selection, result.chart.candles)


def _render_chart(
    selection: ChartSelection, result: ChartResult, view: Window | None, picture: PictureRequest
) -> None:
    chart = result.chart
    names = ", ".join(name for name, _ in selection.enabled_indicators) or "no indicator"
    # A comparison starts at the first visible candle; any other figure is the same for all views.
    base_view = view if selection.compared_symbols else None
    render_live_chart(
        get_cached_figure(
            (result.read_id, selection.indicators, selection.compared_symbols, base_view),
            lambda: _draw_figure(selection, result, base_view),
        ),
        _KEY,
        f"{selection.instrument.symbol} candles of {chart.candles.interval} with {names}",
        scope=selection.scope,
        view=view,
        on_view=lambda: zoom.handle_zoom_report(
            selection.scope, st.session_state[_KEY].get("view")
        ),
        picture=picture,
    )


def _draw_figure(
    selection: ChartSelection, result: ChartResult, base_view: Window | None
) -> go.Figure:
    series, instrument = result.chart.candles, selection.instrument
    candles = series.frame
    decimals = DecimalPlaces.for_printed_values(candles[OHLC], instrument.digits)
    frame = ChartFrame(instrument.symbol, series.interval, decimals)
    indicators = build_indicators(result, selection.indicators, decimals)
    overlays = select_panel(indicators, Panel.PRICE)
    if selection.compared_symbols and len(candles):
        candles, frame, overlays = build_relative_chart(
            candles,
            frame,
            overlays,
            _query_compared_closes(selection, result.chart),
            base_view,
            choose_symbol_colours(selection.compared_symbols, selection.indicators),
        )
    return draw_candle_chart(
        candles,
        frame,
        overlays,
        panes=select_panel(indicators, Panel.BELOW),
        gaps=[label_gap(gap) for gap in series.gaps],
        volume=has_volume(selection.indicators),
    )


def _query_compared_closes(
    selection: ChartSelection, chart: CandleChart
) -> Mapping[str, pd.Series]:
    series = chart.candles
    return {
        symbol: analytics.query_closes(symbol, series.interval, series.window)
        for symbol in selection.compared_symbols
    }
