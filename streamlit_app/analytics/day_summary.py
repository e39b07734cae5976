"""The last 24 hours of a symbol in a line: price, change, range, volume.

Plain HTML: five metrics of Streamlit's take a third of a narrow screen.
"""

from html import escape

import streamlit as st

from crypto_assets.reports import Instrument, TickerStatistics
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import DecimalPlaces

_STYLE = """
<style>
dl.day.day { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.1rem;
  margin: 0 !important; padding: 0 !important;
  line-height: 1.6; font-variant-numeric: tabular-nums; }
.day > div { display: flex; align-items: baseline; gap: .4rem; white-space: nowrap; }
.day dt { font-size: .85rem; font-weight: 400; opacity: .8; }
.day dd { margin: 0; font-weight: 600; }
.day .last dt { font-size: 1rem; font-weight: 600; opacity: 1; }
.day .last dd { font-size: 1.55rem; }
</style>
"""


def render_day_summary(day: TickerStatistics, about: Instrument) -> None:
    st.html(_STYLE + format_day_html(day, about, st.context.theme.type or "light"))


def format_day_html(day: TickerStatistics, about: Instrument, scheme: str) -> str:
    """`scheme` is `light` or `dark`: the change takes that theme's colour of rising or falling."""
    prices = [float(price) for price in (day.last, day.high, day.low)]
    last, high, low = map(
        DecimalPlaces.for_printed_values(prices, about.digits).format_value, prices
    )
    volume = f"{humanize.format_compact(float(day.volume))} {about.base}"
    entries = [
        _format_entry(f"{about.base} / {about.quote}", last, "last"),
        _format_entry("24 h, partial" if day.partial else "24 h", _format_change(day, scheme)),
        _format_entry("High", escape(high)),
        _format_entry("Low", escape(low)),
        _format_entry("Volume", escape(volume)),
    ]
    return f'<dl class="day">{"".join(entries)}</dl>'


def _format_entry(name: str, value: str, kind: str = "") -> str:
    return f'<div class="{kind}"><dt>{escape(name)}</dt><dd>{value}</dd></div>'


def _format_change(day: TickerStatistics, scheme: str) -> str:
    if not day.change:
        return humanize.format_percent(0.0)
    arrow, colour = (
        ("\N{UPWARDS ARROW}", "green") if day.change > 0 else ("\N{DOWNWARDS ARROW}", "red")
    )
    shade = st.get_option(f"theme.{scheme}.{colour}TextColor")
    return f'<span style="color:{shade}">{arrow} {humanize.format_percent(float(day.change_ratio))}</span>'
