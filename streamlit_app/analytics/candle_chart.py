"""The candle chart of the page Analytics, with the notes below it."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import streamlit as st

from crypto_assets.analytics import Panel
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleChart, ProviderResult
from streamlit_app.analytics import chart_options, downloads, footnotes, time_zone, zoom
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.components.candle_chart import (
    ChartDisplay,
    PictureRequest,
    render_candle_chart,
)
from streamlit_app.data import FRESH_SECONDS, analytics
from streamlit_app.data.analytics import ChartResult
from streamlit_app.data.ranges import (
    CandleSlice,
    build_requested_slice,
    build_view_slice,
    build_window_slice,
)
from streamlit_app.figures import number_formats
from streamlit_app.figures.candles import OHLC, ChartFrame, LastPrice, build_chart_content
from streamlit_app.figures.indicator import Indicator
from streamlit_app.format.decimal_places import DecimalPlaces

_KEY = "candles"
_MAX_ACRONYM_LETTERS = 4  # letters: sma, ema, vwap
_VOLUME = "volume"
_PICTURE_COUNT_KEY = "_pictures"
_PICTURE_SOURCE = "crypto-assets. Chart: TradingView Lightweight Charts"


def render_chart_part(selection: ChartSelection) -> None:
    """Draw the chart of a selection, or why there is none."""
    instrument = selection.instrument
    stored_window = analytics.query_stored_windows().get(instrument.symbol)
    if not stored_window:
        notices.render_no_candles(instrument.symbol)
        footnotes.render_known_gaps(instrument.symbol)
        return
    if not selection.stored_window:
        st.rerun()  # The first candles are stored now.
    view = zoom.get_zoom_window(selection.scope)
    home = selection.get_home_window(stored_window)
    shown_window = view or home
    view_slice = build_view_slice(selection.interval, shown_window, stored_window)
    viewed = analytics.query_chart(instrument.symbol, view_slice, selection.indicators)
    shown = trim_chart(viewed.chart, shown_window)
    if not shown.candles.table.num_rows and view is None:
        footnotes.render_empty_range(selection)
        return
    requested_slice = _find_requested_slice(selection, stored_window)
    candle_slice = requested_slice or view_slice
    result = analytics.query_chart(instrument.symbol, candle_slice, selection.indicators)
    frame = _build_frame(selection, result.chart, candle_slice.window, stored_window)
    display = ChartDisplay(
        scope=selection.scope,
        home=home,
        view=view,
        chart_type=selection.chart_type,
        scale=chart_options.get_price_scale(),
        zone=time_zone.get_zone_choice(),
    )
    name = downloads.format_file_name(instrument.symbol, selection.interval, shown_window)
    _render_chart(selection, result, frame, display, name)
    time_zone.render_unknown_zone()
    notices.render_provider_errors(result)
    footnotes.render_footnotes(selection, shown.candles, shown_window)


def get_shown_window(selection: ChartSelection) -> Window | None:
    """Return what is in view, None without candles."""
    stored_window = analytics.query_stored_windows().get(selection.instrument.symbol)
    if not stored_window:
        return None
    return zoom.get_zoom_window(selection.scope) or selection.get_home_window(stored_window)


def query_shown_chart(selection: ChartSelection, shown: Window) -> CandleChart:
    """Return all candles and indicators in view."""
    candle_slice = build_window_slice(selection.interval, shown)
    result = analytics.query_chart(selection.instrument.symbol, candle_slice, selection.indicators)
    return trim_chart(result.chart, shown)


def trim_chart(chart: CandleChart, view: Window) -> CandleChart:
    """Return the part of a chart that opens in a view."""
    series = chart.candles
    opened = series.table["open_time"]
    inside = pc.and_(pc.greater_equal(opened, view.start_ms), pc.less(opened, view.end_ms))
    candles = replace(
        series,
        table=series.table.filter(inside),
        gaps=tuple(
            gap
            for gap in series.gaps
            if gap.window.end_ms > view.start_ms and gap.window.start_ms < view.end_ms
        ),
        partial=tuple(time for time in series.partial if view.start_ms <= time < view.end_ms),
    )
    results = tuple(
        replace(result, value=result.value[inside.to_numpy()]) for result in chart.results
    )
    return CandleChart(candles, results)


def _find_requested_slice(selection: ChartSelection, stored_window: Window) -> CandleSlice | None:
    """Return what the chart asks for in this run, None if it asks for nothing."""
    load = zoom.pop_load_window(selection.scope)
    return build_requested_slice(selection.interval, load, stored_window) if load else None


def _render_chart(
    selection: ChartSelection,
    result: ChartResult,
    frame: ChartFrame,
    display: ChartDisplay,
    picture_name: str,
) -> None:
    names = ", ".join(name for name, _ in selection.indicators) or "no indicator"
    render_candle_chart(
        _get_cached_content(
            (result.read_id, selection.compared_symbols, frame.stored_window, frame.last),
            lambda: _build_content(selection, result.chart, frame),
        ),
        display,
        _KEY,
        f"{frame.symbol} candles of {frame.interval} with {names}",
        PictureRequest(
            picture_name,
            _PICTURE_SOURCE,
            st.session_state.get(_PICTURE_COUNT_KEY, 0),
        ),
        on_view=lambda: zoom.handle_zoom_report(selection.scope, _read_report("view")),
        on_zone=lambda: time_zone.handle_zone_report(_read_report("zone")),
        on_scale=lambda: chart_options.handle_scale_report(_read_report("scale")),
    )


def request_picture() -> None:
    """Let the chart save itself as a PNG when it is drawn next."""
    st.session_state[_PICTURE_COUNT_KEY] = st.session_state.get(_PICTURE_COUNT_KEY, 0) + 1


def _read_report(name: str) -> Any:
    return st.session_state[_KEY].get(name)


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=200, show_spinner=False)
def _get_cached_content(cache_key: tuple[Hashable, ...], _build: Callable[[], str]) -> str:
    """Return the content that all viewers of the same data share."""
    return _build()


def _build_frame(
    selection: ChartSelection, chart: CandleChart, window: Window | None, stored_window: Window
) -> ChartFrame:
    series, instrument = chart.candles, selection.instrument
    interval = series.interval
    newest = analytics.query_newest_candle(instrument.symbol, interval)
    return ChartFrame(
        symbol=instrument.symbol,
        title=f"{instrument.base} / {instrument.quote}",
        interval=interval,
        decimals=DecimalPlaces.for_printed_values(series.frame[OHLC], instrument.digits),
        window=window or series.window,
        stored_window=Window(
            interval.floor(stored_window.start_ms), interval.ceil(stored_window.end_ms)
        ),
        last=LastPrice(*newest) if newest else None,
    )


def _build_content(selection: ChartSelection, chart: CandleChart, frame: ChartFrame) -> str:
    series = chart.candles
    return build_chart_content(
        series.frame,
        frame,
        _build_indicators(chart, Panel.PRICE, frame.decimals),
        _build_indicators(chart, Panel.BELOW, frame.decimals),
        _query_compared_closes(selection, chart),
        series.gaps,
        volume=any(name == _VOLUME for name, _ in selection.indicators),
    )


def _query_compared_closes(
    selection: ChartSelection, chart: CandleChart
) -> Mapping[str, pd.Series]:
    series = chart.candles
    return {
        symbol: analytics.query_closes(symbol, series.interval, series.window)
        for symbol in selection.compared_symbols
    }


def _build_indicators(chart: CandleChart, panel: Panel, decimals: DecimalPlaces) -> list[Indicator]:
    """Build the indicators of a panel, without volume, which is not drawn as an indicator."""
    indicators = []
    for result in chart.results:
        provider = analytics.get_providers()[result.provider]
        if provider.panel is panel and provider.name != _VOLUME:
            unit = next(iter(provider.columns.values()))
            indicators.append(
                Indicator(
                    _format_indicator_name(result),
                    result.value,
                    number_formats.get_unit_format(unit, decimals, _find_largest_value(result)),
                    provider.bars,
                    provider.levels,
                )
            )
    return indicators


def _find_largest_value(result: ProviderResult) -> float:
    """Return the largest absolute value, 0 if there is none."""
    largest = float(result.value.abs().max(axis=None, numeric_only=True))
    return 0.0 if math.isnan(largest) else largest


def _format_indicator_name(result: ProviderResult) -> str:
    """Format a short name with the parameters: `SMA 20`, `Bollinger 20 2`."""
    name = result.provider.replace("_", " ")
    title = name.upper() if len(name) <= _MAX_ACRONYM_LETTERS else name.capitalize()
    return " ".join([title, *(_format_parameter(value) for value in result.params.values())])


def _format_parameter(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
