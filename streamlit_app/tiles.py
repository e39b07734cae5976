"""The dashboard's parts: a tile a symbol, totals, and what needs attention."""

from datetime import timedelta

import streamlit as st
from rich.filesize import decimal as file_size

from crypto_assets.reports import Attention, Concern, Dashboard, Tile
from streamlit_app import words

_DAY_MINUTES = 1440


def tile(shown: Tile) -> None:
    """Price, change and volume of the last 24 hours over 48 hours' line; a way to the chart."""
    about, day = shown.instrument, shown.statistics
    with st.container(border=True, height="stretch", gap="xsmall"):
        if day is None:
            st.metric(f"{about.base} / {about.quote}", "\N{EM DASH}")
            st.caption("No candles yet")
            return
        st.metric(
            f"{about.base} / {about.quote}",
            words.price(float(day.last), about.digits),
            words.percent(float(day.change_ratio)) if day.change else 0,
            delta_description="24 h",
            chart_data=list(shown.sparkline),
            chart_type="area",
        )
        low, high = (words.price(float(price), about.digits) for price in (day.low, day.high))
        st.caption(
            f"Low {low}, high {high}  \n"
            f"Volume {words.compact(float(day.volume))} {about.base}, "
            f"{words.compact(float(day.quote_volume))} {about.quote}"
        )
        st.page_link(
            "app_pages/analytics.py",
            label="Chart",
            icon=":material/candlestick_chart:",
            query_params={"symbol": about.symbol},
        )


def totals(board: Dashboard) -> None:
    storage = board.storage
    lag = timedelta(milliseconds=board.lag_ms) if board.lag_ms is not None else None
    with st.grid(4, min_column_width=150):
        st.metric("Candles", f"{board.candles:,}", help="minutes held", border=True)
        st.metric("Lake objects", f"{storage.objects:,}", border=True)
        st.metric(
            "Storage",
            file_size(storage.lake_bytes + storage.warehouse_bytes),
            help=f"lake {file_size(storage.lake_bytes)}, "
            f"warehouse {file_size(storage.warehouse_bytes)}",
            border=True,
        )
        st.metric(
            "Lag",
            words.ago(lag) if lag is not None else "\N{EM DASH}",
            help="age of the newest candle of the symbol that is furthest behind",
            border=True,
        )


def attention(found: tuple[Attention, ...]) -> None:
    if not found:
        st.caption(":material/check_circle: Nothing needs attention.")
        return
    for one in found:
        st.warning(_advice(one), icon=_ICONS[one.concern])


_ICONS = {
    Concern.EMPTY: ":material/hourglass_empty:",
    Concern.SILENT: ":material/notifications_paused:",
    Concern.GAPS: ":material/broken_image:",
    Concern.NOT_TRADING: ":material/block:",
}


def _advice(one: Attention) -> str:
    if one.concern is Concern.EMPTY:
        return (
            f"**{one.symbol}** has no candle yet: `crypto-assets backfill --symbols {one.symbol}`"
        )
    if one.concern is Concern.SILENT:
        silence = words.ago(timedelta(milliseconds=one.amount))
        return f"**{one.symbol}** is silent for {silence}: is the schedule `ingest` on in Dagster?"
    if one.concern is Concern.GAPS:
        minutes = "1 minute" if one.amount == 1 else f"{one.amount:,} minutes"
        return f"**{one.symbol}** lacks {minutes}, not explained yet; they are asked for again"
    return f"**{one.symbol}** does not trade any more: the exchange prints no new candles"
