"""The candle chart of the page Analytics, with the notes below it."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import streamlit as st

from crypto_assets.analytics import Panel
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleChart, CandleGap, CandleSeries
from streamlit_app import auth
from streamlit_app.analytics import (
    address,
    chart_dialogs,
    chart_drawings,
    chart_options,
    downloads,
    footnotes,
    indicator_switches,
    replay,
    zoom,
)
from streamlit_app.analytics.chart_alerts import list_alert_lines
from streamlit_app.analytics.chart_indicators import (
    build_indicators,
    format_legend,
    has_volume,
    select_panel,
)
from streamlit_app.analytics.chart_view import find_shown_window, trim_chart
from streamlit_app.analytics.close_countdown import render_close_clock
from streamlit_app.analytics.indicator_instances import IndicatorInstance, choose_symbol_colors
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components import notices
from streamlit_app.components.candle_chart import (
    ChartCallbacks,
    ChartDisplay,
    PictureRequest,
    render_candle_chart,
)
from streamlit_app.data import FRESH_SECONDS, analytics
from streamlit_app.data.analytics import ChartResult
from streamlit_app.data.ranges import CandleSlice, build_requested_slice, build_view_slice
from streamlit_app.figures.candles import (
    OHLC,
    ChartFrame,
    ComparedSymbol,
    HiddenIndicator,
    LastPrice,
    build_chart_content,
)
from streamlit_app.figures.chart_events import MAX_EVENTS, ChartEvent, build_chart_events
from streamlit_app.format.decimal_places import DecimalPlaces

_KEY = "candles"
_PICTURE_SOURCE = "crypto-assets. Chart: TradingView Lightweight Charts"


def render_indicator_errors(selection: ChartSelection) -> None:
    """Warn about the indicators that could not be computed."""
    stored_window = analytics.query_stored_windows().get(selection.instrument.symbol)
    shown_window = find_shown_window(selection)
    if stored_window and shown_window:
        view_slice = build_view_slice(selection.interval, shown_window, stored_window)
        notices.render_provider_errors(_query_slice(selection, view_slice))


def render_chart_part(selection: ChartSelection) -> None:
    """Draw the chart of a selection, or why there is none."""
    address.rerun_if_changed()  # The chart itself has changed its scale, zone or indicators.
    replay.rerun_if_moved()
    chart_dialogs.open_requested_dialog()
    instrument = selection.instrument
    stored_window = analytics.query_stored_windows().get(instrument.symbol)
    if not stored_window:
        notices.render_no_candles(instrument.symbol)
        footnotes.render_known_gaps(selection)
        return
    if not selection.stored_window:
        st.rerun()  # The first candles are stored now.
    view = zoom.get_zoom_window(selection.scope)
    home = selection.get_home_window(stored_window)
    shown_window = view or home
    view_slice = build_view_slice(selection.interval, shown_window, stored_window)
    shown = trim_chart(_query_slice(selection, view_slice).chart, shown_window)
    if not shown.candles.table.num_rows and view is None:
        footnotes.render_empty_range(selection)
        return
    requested_slice = _find_requested_slice(selection, stored_window)
    candle_slice = requested_slice or view_slice
    result = _query_slice(selection, candle_slice)
    frame = _build_frame(selection, result.chart, candle_slice.window, stored_window)
    display = ChartDisplay(
        scope=selection.scope,
        home=home,
        view=view,
        chart_type=selection.chart_type,
        scale=selection.scale,
        zone=selection.zone,
        has_markers=selection.has_markers,
        alerts=list_alert_lines(instrument.symbol, selection.indicators),
        can_write=auth.find_caller().is_operator,
        replay=replay.get_replay_moment(),
    )
    name = downloads.format_file_name(instrument.symbol, selection.interval, shown_window)
    _render_chart(selection, result, frame, display, name)
    footnotes.render_footnotes(selection, shown.candles, shown_window, is_zoomed=view is not None)
    render_close_clock(instrument.symbol)


def _query_slice(selection: ChartSelection, candle_slice: CandleSlice) -> ChartResult:
    return analytics.query_chart(
        selection.instrument.symbol, candle_slice, selection.enabled_indicators
    )


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
    names = ", ".join(name for name, _ in selection.enabled_indicators) or "no indicator"
    render_candle_chart(
        _get_cached_content(
            (
                result.read_id,
                selection.indicators,
                selection.compared_symbols,
                frame.stored_window,
                frame.last,
            ),
            lambda: _build_content(selection, result, frame),
        ),
        display,
        _KEY,
        f"{frame.symbol} candles of {frame.interval} with {names}",
        PictureRequest(picture_name, _PICTURE_SOURCE, downloads.count_requested_pictures()),
        chart_drawings.build_drawing_state(selection.instrument.symbol),
        ChartCallbacks(
            on_view=lambda: _handle_view_report(selection, _read_report("view")),
            on_zone=lambda: chart_options.handle_zone_report(_read_report("zone")),
            on_scale=lambda: chart_options.handle_scale_report(_read_report("scale")),
            on_markers=lambda: chart_options.handle_markers_report(_read_report("markers")),
            on_alert=lambda: chart_dialogs.request_alert_dialog(selection, _read_report("alert")),
            on_legend=lambda: _handle_legend_report(selection, _read_report("legend")),
            on_drawings=lambda: chart_drawings.handle_drawing_report(_read_report("drawings")),
        ),
    )


def _read_report(name: str) -> Any:
    return st.session_state[_KEY].get(name)


def _handle_view_report(selection: ChartSelection, report: Any) -> None:
    zoom.handle_zoom_report(selection.scope, report)
    replay.handle_replay_report(report)


def _handle_legend_report(selection: ChartSelection, report: Any) -> None:
    """Do what a button of the legend says with its indicator."""
    match report:
        case {"action": str() as action, "key": str() as key}:
            for instance in selection.indicators:
                if instance.key == key:
                    _apply_legend_action(selection, action, instance)


def _apply_legend_action(
    selection: ChartSelection, action: str, instance: IndicatorInstance
) -> None:
    match action:
        case "toggle":
            indicator_switches.toggle_indicator(instance)
        case "remove":
            indicator_switches.remove_indicator(instance)
        case "settings":
            chart_dialogs.request_settings_dialog(selection, instance)


@st.cache_resource(ttl=FRESH_SECONDS, max_entries=200, show_spinner=False)
def _get_cached_content(cache_key: tuple[Hashable, ...], _build: Callable[[], str]) -> str:
    """Return the content that all viewers of the same data share."""
    return _build()


def _build_frame(
    selection: ChartSelection, chart: CandleChart, window: Window | None, stored_window: Window
) -> ChartFrame:
    series, instrument = chart.candles, selection.instrument
    interval = series.interval
    return ChartFrame(
        symbol=instrument.symbol,
        title=f"{instrument.base} / {instrument.quote}",
        interval=interval,
        decimals=DecimalPlaces.for_printed_values(series.frame[OHLC], instrument.digits),
        window=window or series.window,
        stored_window=Window(
            interval.floor(stored_window.start_ms), interval.ceil(stored_window.end_ms)
        ),
        last=_find_last_price(series, stored_window),
    )


def _find_last_price(series: CandleSeries, stored_window: Window) -> LastPrice | None:
    """Return the newest stored price, from the candles of the chart if they have it."""
    if series.table.num_rows and series.window.end_ms >= stored_window.end_ms:
        last = series.frame.iloc[-1]
        return LastPrice(int(last["open_time"]), float(last["open"]), float(last["close"]))
    newest = analytics.query_newest_candle(series.symbol, series.interval)
    return LastPrice(*newest) if newest else None


def _build_content(selection: ChartSelection, result: ChartResult, frame: ChartFrame) -> str:
    series = result.chart.candles
    indicators = build_indicators(result, selection.indicators, frame.decimals)
    return build_chart_content(
        series.frame,
        frame,
        select_panel(indicators, Panel.PRICE),
        select_panel(indicators, Panel.BELOW),
        _query_compared(selection, result.chart),
        series.gaps,
        [
            HiddenIndicator(instance.key, format_legend(instance, series.interval))
            for instance in selection.indicators
            if instance.is_hidden
        ],
        events=_query_events(selection, frame, series.gaps),
        volume=has_volume(selection.indicators),
    )


def _query_events(
    selection: ChartSelection, frame: ChartFrame, gaps: Sequence[CandleGap]
) -> list[ChartEvent]:
    # Minutes of one candle are one event, so that more revisions than events are read.
    ledger, revisions = analytics.query_ledger(frame.symbol, frame.window, 4 * MAX_EVENTS)
    return build_chart_events(selection.interval, ledger, gaps, revisions)


def _query_compared(selection: ChartSelection, chart: CandleChart) -> list[ComparedSymbol]:
    series = chart.candles
    colors = choose_symbol_colors(selection.compared_symbols, selection.indicators)
    return [
        ComparedSymbol(
            symbol, analytics.query_closes(symbol, series.interval, series.window), colors[symbol]
        )
        for symbol in selection.compared_symbols
    ]
