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
from streamlit_app.data.analytics import Switches
from streamlit_app.data.ranges import Extract, Range, between, newest, zoomed

_COMPARED = 4  # as many lines as can be told apart
_OFFERED_DAYS = 30
_EARLIEST = date(2017, 1, 1)  # no exchange that we read is older


@dataclass(frozen=True)
class Selection:
    """Whose candles, how wide, since when, beside whom, and with what."""

    about: Instrument
    compared: tuple[str, ...]
    interval: Interval
    reach: Range
    dates: Window | None
    held: Window
    indicators: Switches
    charts: Switches

    @property
    def scope(self) -> str:
        """Names the range: a zoom belongs to one."""
        return f"{self.reach} {self.dates or ''}".strip()

    def extract(self, view: Window | None) -> Extract:
        if view is not None:
            return zoomed(self.interval, view)
        if self.dates is not None:
            return between(self.interval, self.dates)
        return newest(self.interval, self.reach, self.held)


def select(instruments: Mapping[str, Instrument], held: Mapping[str, Window]) -> Selection:
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
            max_selections=_COMPARED,
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
            list(Range),
            default=Range.WEEK,
            required=True,
            key="range",
            label_visibility="collapsed",
            bind="query-params",
        )
        own = held.get(symbol, Window(0, 0))
        dates = _dates(own) if reach is Range.DATES else None
        indicators, charts = _switches(names)
    return Selection(
        about=instruments[symbol],
        compared=tuple(one for one in compared if one != symbol),
        interval=interval,
        reach=reach,
        dates=dates,
        held=own,
        indicators=indicators,
        charts=charts,
    )


def _switches(names: list[str]) -> tuple[Switches, Switches]:
    with st.popover("Indicators", icon=":material/show_chart:"):
        panels = [(Panel.PRICE, "Over the candles"), (Panel.BELOW, "Under the candles")]
        indicators = indicator_switches.choose(panels, names)
    with st.popover("Charts", icon=":material/bar_chart:"):
        charts = indicator_switches.choose([(Panel.ALONE, "Beside the candles")], names)
    return indicators, charts


def _dates(held: Window) -> Window:
    """Whole UTC days; the one day alone until its other end is picked."""
    last = day_of(held.end_ms - 1 if held.end_ms else now_ms())
    first = max(last - timedelta(days=_OFFERED_DAYS), _EARLIEST)
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
