"""The selection of the page Analytics, and its inputs, which are query parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crypto_assets.analytics import Panel
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, day_of, now_ms
from crypto_assets.reports import Instrument
from streamlit_app.analytics import indicator_switches
from streamlit_app.analytics.chart_options import render_chart_type
from streamlit_app.data.analytics import EnabledProviders
from streamlit_app.data.ranges import (
    CandleSlice,
    ChartRange,
    build_newest_slice,
    build_statistics_slice,
    get_range_window,
)

_MAX_COMPARED = 4  # lines with distinct colours
_SUGGESTED_DAYS = 30
_EARLIEST = date(2017, 1, 1)  # before the first candle of the exchange


@dataclass(frozen=True)
class ChartSelection:
    """The symbols, interval, range, and providers of a chart."""

    instrument: Instrument
    compared_symbols: tuple[str, ...]
    interval: Interval
    chart_range: ChartRange
    dates: Window | None
    stored_window: Window
    indicators: EnabledProviders
    charts: EnabledProviders
    chart_type: str

    @property
    def scope(self) -> str:
        """The name of the range. A zoom applies to one scope."""
        return f"{self.chart_range} {self.dates or ''}".strip()

    def get_home_window(self, stored_window: Window) -> Window:
        """Return the first view of the range."""
        return get_range_window(self.interval, self.chart_range, stored_window, self.dates)

    def build_statistics_slice(self) -> CandleSlice:
        """Return the candles of the range for statistics, coarser ones if they are too many."""
        if self.dates is not None:
            return build_statistics_slice(self.interval, self.dates)
        return build_newest_slice(self.interval, self.chart_range, self.stored_window)


def render_chart_inputs(
    instruments: Mapping[str, Instrument],
    stored_windows: Mapping[str, Window],
    toolbar: DeltaGenerator,
    range_bar: DeltaGenerator,
) -> ChartSelection:
    """Draw the inputs: the range in `range_bar`, the others in `toolbar`.

    `stored_windows` holds the symbols that have candles.
    """
    names = list(instruments)
    with toolbar:
        symbol = st.selectbox(
            "Symbol",
            names,
            key="symbol",
            bind="query-params",
            width=140,
            label_visibility="collapsed",
        )
        interval = st.segmented_control(
            "Interval",
            list(Interval),
            default=Interval.H1,
            required=True,
            key="interval",
            label_visibility="collapsed",
            bind="query-params",
        )
        chart_type = render_chart_type()
        indicators, charts = _render_switches(names)
        compared = st.multiselect(
            "Compare",
            names,
            key="compare",
            bind="query-params",
            width=170,
            max_selections=_MAX_COMPARED,
            placeholder="Compare with",
            label_visibility="collapsed",
            help="Shows all symbols as percent change since the first visible candle.",
        )
    stored_window = stored_windows.get(symbol, Window(0, 0))
    with range_bar:
        chart_range = st.segmented_control(
            "Range",
            list(ChartRange),
            default=ChartRange.WEEK,
            required=True,
            key="range",
            label_visibility="collapsed",
            bind="query-params",
        )
        dates = _render_date_input(stored_window) if chart_range is ChartRange.DATES else None
    return ChartSelection(
        instrument=instruments[symbol],
        compared_symbols=tuple(other for other in compared if other != symbol),
        interval=interval,
        chart_range=chart_range,
        dates=dates,
        stored_window=stored_window,
        indicators=indicators,
        charts=charts,
        chart_type=chart_type,
    )


def _render_switches(names: list[str]) -> tuple[EnabledProviders, EnabledProviders]:
    with st.popover("Indicators", icon=":material/show_chart:"):
        panels = [(Panel.PRICE, "On the price chart"), (Panel.BELOW, "Below the price chart")]
        indicators = indicator_switches.render_switches(panels, names)
    with st.popover("Charts", icon=":material/bar_chart:"):
        charts = indicator_switches.render_switches([(Panel.ALONE, "Statistics")], names)
    return indicators, charts


def _render_date_input(stored_window: Window) -> Window:
    """Return whole UTC days, the first day alone until the last one is chosen."""
    last = day_of(stored_window.end_ms - 1 if stored_window.end_ms else now_ms())
    first = max(last - timedelta(days=_SUGGESTED_DAYS), _EARLIEST)
    dates = st.date_input(
        "Dates",
        label_visibility="collapsed",
        value=(first, last),
        min_value=_EARLIEST,
        max_value=last + timedelta(days=1),
        key="dates",
        bind="query-params",
        format="YYYY-MM-DD",
        width=220,
        help="Whole UTC days.",
    )
    ends = dates if isinstance(dates, tuple) and dates else (first, last)
    return Window.of_days(ends[0], ends[-1])
