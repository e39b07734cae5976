"""The selection of the page Analytics, and its inputs, whose values are in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, day_of, now_ms
from crypto_assets.reports import Instrument
from streamlit_app.analytics import address, indicator_switches, layout_menu
from streamlit_app.analytics.chart_indicators import list_enabled
from streamlit_app.analytics.chart_options import ChartType, PriceScale
from streamlit_app.analytics.chart_request import (
    EARLIEST_DAY,
    MAX_COMPARED,
    ChartRequest,
    parse_request,
)
from streamlit_app.analytics.indicator_instances import IndicatorInstance
from streamlit_app.components import notices
from streamlit_app.components.interval_picker import render_interval_picker
from streamlit_app.data import analytics
from streamlit_app.data.analytics import EnabledProviders
from streamlit_app.data.ranges import (
    CandleSlice,
    ChartRange,
    build_export_slice,
    build_statistics_slice,
    get_range_window,
)
from streamlit_app.format.viewer_zone import LOCAL, ViewerZone

_SUGGESTED_DAYS = 30
_INTERVAL_KEY = "interval"


@dataclass(frozen=True)
class ChartSelection:
    """The symbols, interval, range, and indicators of a chart."""

    instrument: Instrument
    compared_symbols: tuple[str, ...]
    interval: Interval
    chart_range: ChartRange
    dates: Window | None
    stored_window: Window
    indicators: tuple[IndicatorInstance, ...]
    charts: tuple[IndicatorInstance, ...]
    chart_type: ChartType
    scale: PriceScale
    zone: str
    has_markers: bool

    @property
    def scope(self) -> str:
        """The name of the range. A zoom applies to one scope."""
        return f"{self.chart_range} {self.dates or ''}".strip()

    @property
    def enabled_indicators(self) -> EnabledProviders:
        """The providers to compute for the candle chart."""
        return list_enabled(self.indicators)

    @property
    def enabled_charts(self) -> EnabledProviders:
        """The providers to compute for the cards."""
        return list_enabled(self.charts)

    @property
    def viewer_zone(self) -> ViewerZone:
        """The zone of the address, else that of the browser."""
        return ViewerZone.resolve(self.zone or LOCAL, st.context.timezone)

    def get_home_window(self, stored_window: Window) -> Window:
        """Return the first view of the range."""
        return get_range_window(self.interval, self.chart_range, stored_window, self.dates)

    def build_export_slice(self, stored_window: Window, limit: int) -> CandleSlice:
        """Return the newest candles of the whole range, at most `limit`."""
        return build_export_slice(self.interval, self.chart_range, self.dates, stored_window, limit)

    def build_statistics_slice(self) -> CandleSlice:
        """Return the candles of the whole range, in a coarser interval if they are too many."""
        return build_statistics_slice(
            self.interval, self.chart_range, self.dates, self.stored_window
        )


def read_request(instruments: Mapping[str, Instrument]) -> ChartRequest:
    """Return what the address asks for, at the start of a run of the page."""
    return parse_request(address.load_address(), list(instruments), analytics.get_providers())


def render_first_inputs(
    request: ChartRequest, instruments: Mapping[str, Instrument], toolbar: DeltaGenerator
) -> None:
    """Draw the first inputs of the toolbar, without which it would take no space."""
    with toolbar:
        render_symbol_input(request, instruments)
        render_interval_input(request)


def render_chart_inputs(
    request: ChartRequest,
    instruments: Mapping[str, Instrument],
    stored_windows: Mapping[str, Window],
    toolbar: DeltaGenerator,
    range_bar: DeltaGenerator,
) -> None:
    """Draw the other inputs: the range in `range_bar`, the rest in `toolbar`."""
    with toolbar:
        render_type_input(request)
        render_indicator_menus(request, instruments)
        render_compare_input(request, instruments)
    with range_bar:
        render_range_input(request)
        if request.chart_range is ChartRange.DATES:
            render_date_input(request, _get_stored_window(request, stored_windows))


def build_selection(
    request: ChartRequest,
    instruments: Mapping[str, Instrument],
    stored_windows: Mapping[str, Window],
) -> ChartSelection | None:
    """Return what the address selects, None if it names no known symbol.

    `stored_windows` contains the symbols that have candles.
    """
    if request.symbol is None:
        return None
    stored_window = _get_stored_window(request, stored_windows)
    dates = None
    if request.chart_range is ChartRange.DATES:
        dates = Window.of_days(*_choose_dates(request, stored_window))
    return ChartSelection(
        instrument=instruments[request.symbol],
        compared_symbols=request.compared_symbols,
        interval=request.interval,
        chart_range=request.chart_range,
        dates=dates,
        stored_window=stored_window,
        indicators=request.indicators,
        charts=request.charts,
        chart_type=request.chart_type,
        scale=request.scale,
        zone=request.zone,
        has_markers=request.has_markers,
    )


def render_symbol_input(request: ChartRequest, instruments: Mapping[str, Instrument]) -> None:
    def is_tracked(symbol: str) -> bool:
        return symbol not in instruments or instruments[symbol].is_tracked

    def format_symbol(symbol: str) -> str:
        return symbol if is_tracked(symbol) else f"{symbol} (untracked)"

    names = list(instruments)
    st.selectbox(
        "Symbol",
        names,
        index=None if request.symbol is None else names.index(request.symbol),
        key=address.format_widget_key("symbol"),
        format_func=format_symbol,
        placeholder="Symbol",
        on_change=address.on_widget_change("symbol", lambda symbol: {"symbol": symbol}),
        width=140 if is_tracked(request.symbol or "") else 185,
        label_visibility="collapsed",
    )


def render_compare_input(request: ChartRequest, instruments: Mapping[str, Instrument]) -> None:
    st.multiselect(
        "Compare",
        list(instruments),
        default=list(request.compared_symbols),
        key=address.format_widget_key("compare"),
        on_change=address.on_widget_change("compare", lambda symbols: {"compare": symbols}),
        width=170,
        max_selections=MAX_COMPARED,
        placeholder="Compare with",
        label_visibility="collapsed",
        help="Shows all symbols as percent change since the first visible candle.",
    )


def render_interval_input(request: ChartRequest) -> None:
    render_interval_picker(list(Interval), request.interval, _INTERVAL_KEY, _change_interval)


def _change_interval() -> None:
    if interval := st.session_state[_INTERVAL_KEY].get("interval"):
        address.change_address({"interval": interval}, keep_widgets=True)


def render_type_input(request: ChartRequest) -> None:
    st.selectbox(
        "Chart type",
        list(ChartType),
        index=list(ChartType).index(request.chart_type),
        key=address.format_widget_key("type"),
        on_change=address.on_widget_change("type", lambda chart_type: {"type": chart_type}),
        width=130,
        label_visibility="collapsed",
    )


def render_range_input(request: ChartRequest) -> None:
    st.segmented_control(
        "Range",
        list(ChartRange),
        default=request.chart_range,
        required=True,
        key=address.format_widget_key("range"),
        label_visibility="collapsed",
        on_change=address.on_widget_change("range", lambda chosen: {"range": chosen}),
    )


def render_date_input(request: ChartRequest, stored_window: Window) -> None:
    """Draw the input of whole UTC days, the first day alone until the last one is chosen."""
    latest = _find_last_day(stored_window) + timedelta(days=1)
    st.date_input(
        "Dates",
        [min(max(day, EARLIEST_DAY), latest) for day in _choose_dates(request, stored_window)],
        label_visibility="collapsed",
        min_value=EARLIEST_DAY,
        max_value=latest,
        key=address.format_widget_key("dates"),
        on_change=address.on_widget_change(
            "dates", lambda days: {"dates": [day.isoformat() for day in days]}
        ),
        format="YYYY-MM-DD",
        width=220,
        help="Whole UTC days.",
    )


def _choose_dates(request: ChartRequest, stored_window: Window) -> tuple[date, date]:
    """Return the days of the address, else the last ones that are stored."""
    last = _find_last_day(stored_window)
    first = max(last - timedelta(days=_SUGGESTED_DAYS), EARLIEST_DAY)
    return request.dates or (first, last)


def _find_last_day(stored_window: Window) -> date:
    return day_of(stored_window.end_ms - 1 if stored_window.end_ms else now_ms())


def _get_stored_window(request: ChartRequest, stored_windows: Mapping[str, Window]) -> Window:
    return stored_windows.get(request.symbol or "", Window(0, 0))


def render_indicator_menus(request: ChartRequest, instruments: Mapping[str, Instrument]) -> None:
    """Draw the menus of indicators, of statistics, and of saved layouts."""
    with st.popover("Indicators", icon=":material/show_chart:"):
        indicator_switches.render_indicator_list(request, list(instruments))
    with st.popover("Charts", icon=":material/bar_chart:"):
        indicator_switches.render_chart_switches(request, list(instruments))
    # Layouts are on the primary, which a chart of a replica does not need.
    with (
        st.popover("Layouts", icon=":material/dashboard_customize:"),
        notices.render_errors(),
    ):
        layout_menu.render_layout_menu()
