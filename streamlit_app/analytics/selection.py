"""What the page Analytics is asked to show, and the inputs that ask: all stand in its address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from crypto_assets.analytics import Panel
from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window, day_of, now_ms
from crypto_assets.reports import Instrument
from streamlit_app.analytics import indicator_switches
from streamlit_app.data.analytics import EnabledProviders
from streamlit_app.data.ranges import (
    CandleSlice,
    ChartRange,
    build_newest_slice,
    build_window_slice,
    build_zoomed_slice,
)

_MAX_COMPARED = 4  # as many lines as can be told apart
_SUGGESTED_DAYS = 30
_EARLIEST = date(2017, 1, 1)  # no exchange that we read is older


@dataclass(frozen=True)
class ChartSelection:
    """Whose candles, how wide, since when, beside whom, and with what."""

    instrument: Instrument
    compared_symbols: tuple[str, ...]
    interval: Interval
    chart_range: ChartRange
    dates: Window | None
    stored_window: Window
    indicators: EnabledProviders
    charts: EnabledProviders

    @property
    def scope(self) -> str:
        """Names the range: a zoom belongs to one."""
        return f"{self.chart_range} {self.dates or ''}".strip()

    def build_candle_slice(self, view: Window | None) -> CandleSlice:
        if view is not None:
            return build_zoomed_slice(self.interval, view)
        if self.dates is not None:
            return build_window_slice(self.interval, self.dates)
        return build_newest_slice(self.interval, self.chart_range, self.stored_window)


def render_chart_inputs(
    instruments: Mapping[str, Instrument], held: Mapping[str, Window]
) -> ChartSelection:
    """Draws the inputs. `held` are the symbols that have candles, and from when to when."""
    names = list(instruments)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        symbol = st.selectbox(
            "Symbol",
            names,
            key="symbol",
            bind="query-params",
            width=140,
            label_visibility="collapsed",
        )
        compared = st.multiselect(
            "Compare",
            names,
            key="compare",
            bind="query-params",
            width=200,
            max_selections=_MAX_COMPARED,
            placeholder="Compare with",
            label_visibility="collapsed",
            help="All as change in percent since the first candle in sight.",
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
        reach = st.segmented_control(
            "Range",
            list(ChartRange),
            default=ChartRange.WEEK,
            required=True,
            key="range",
            label_visibility="collapsed",
            bind="query-params",
        )
        own = held.get(symbol, Window(0, 0))
        dates = _render_date_input(own) if reach is ChartRange.DATES else None
        indicators, charts = _render_switches(names)
    return ChartSelection(
        instrument=instruments[symbol],
        compared_symbols=tuple(one for one in compared if one != symbol),
        interval=interval,
        chart_range=reach,
        dates=dates,
        stored_window=own,
        indicators=indicators,
        charts=charts,
    )


def _render_switches(names: list[str]) -> tuple[EnabledProviders, EnabledProviders]:
    with st.popover("Indicators", icon=":material/show_chart:"):
        panels = [(Panel.PRICE, "Over the candles"), (Panel.BELOW, "Under the candles")]
        indicators = indicator_switches.render_switches(panels, names)
    with st.popover("Charts", icon=":material/bar_chart:"):
        charts = indicator_switches.render_switches([(Panel.ALONE, "Beside the candles")], names)
    return indicators, charts


def _render_date_input(held: Window) -> Window:
    """Whole UTC days; the one day alone until its other end is picked."""
    last = day_of(held.end_ms - 1 if held.end_ms else now_ms())
    first = max(last - timedelta(days=_SUGGESTED_DAYS), _EARLIEST)
    picked = st.date_input(
        "From, to",
        label_visibility="collapsed",
        value=(first, last),
        min_value=_EARLIEST,
        max_value=last + timedelta(days=1),
        key="dates",
        bind="query-params",
        format="YYYY-MM-DD",
        width=220,
        help="Whole days, UTC.",
    )
    ends = picked if isinstance(picked, tuple) and picked else (first, last)
    return Window.of_days(ends[0], ends[-1])
