"""The last 24 hours of a symbol in one line: price, change, high, low, volume.

It is plain HTML: five Streamlit metrics fill a third of a narrow screen.
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


def render_day_summary(day: TickerStatistics, instrument: Instrument) -> None:
    """Draw the line."""
    st.html(_STYLE + format_day_html(day, instrument, st.context.theme.type or "light"))


def format_day_html(day: TickerStatistics, instrument: Instrument, theme: str) -> str:
    """Format the line. `theme` is `light` or `dark`, and decides the color of the change."""
    prices = [float(price) for price in (day.last, day.high, day.low)]
    last, high, low = map(
        DecimalPlaces.for_printed_values(prices, instrument.digits).format_value, prices
    )
    volume = f"{humanize.format_compact(float(day.volume))} {instrument.base}"
    entries = [
        _format_entry(f"{instrument.base} / {instrument.quote}", last, "last"),
        _format_entry("24 h, partial" if day.partial else "24 h", _format_change(day, theme)),
        _format_entry("High", escape(high)),
        _format_entry("Low", escape(low)),
        _format_entry("Volume", escape(volume)),
    ]
    return f'<dl class="day">{"".join(entries)}</dl>'


def _format_entry(name: str, value: str, kind: str = "") -> str:
    return f'<div class="{kind}"><dt>{escape(name)}</dt><dd>{value}</dd></div>'


def _format_change(day: TickerStatistics, theme: str) -> str:
    if not day.change:
        return humanize.format_percent(0.0)
    arrow, color = (
        ("\N{UPWARDS ARROW}", "green") if day.change > 0 else ("\N{DOWNWARDS ARROW}", "red")
    )
    text_color = st.get_option(f"theme.{theme}.{color}TextColor")
    change = humanize.format_percent(float(day.change_ratio))
    return f'<span style="color:{text_color}">{arrow} {change}</span>'
