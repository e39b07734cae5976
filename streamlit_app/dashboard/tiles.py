"""The dashboard's parts: a tile a symbol, totals, and what needs attention."""

from datetime import timedelta

import streamlit as st
from rich.filesize import decimal as file_size

from crypto_assets.reports import AttentionItem, Concern, Dashboard, SymbolTile
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import DecimalPlaces


def choose_column_count(count: int) -> int:
    """Tiles a row, so that the last row is as full as can be."""
    return min(count, min((4, 5, 3), key=lambda width: -count % width))


def render_symbol_tile(shown: SymbolTile) -> None:
    """Price, change and volume of the last 24 hours over 48 hours' line; a way to the chart."""
    about, day = shown.instrument, shown.statistics
    with st.container(border=True, height="stretch", gap="xsmall"):
        if day is None:
            st.metric(f"{about.base} / {about.quote}", "\N{EM DASH}")
            st.caption("No candles yet")
            return
        prices = [float(price) for price in (day.last, day.high, day.low)]
        last, high, low = map(
            DecimalPlaces.for_printed_values(prices, about.digits).format_value, prices
        )
        st.metric(
            f"{about.base} / {about.quote}",
            last,
            humanize.format_percent(float(day.change_ratio)) if day.change else 0,
            delta_description="24 h, partial" if day.partial else "24 h",
            chart_data=list(shown.sparkline),
            chart_type="area",
        )
        st.caption(
            f"Low {low}, high {high}  \n"
            f"Volume {humanize.format_compact(float(day.volume))} {about.base}, "
            f"{humanize.format_compact(float(day.quote_volume))} {about.quote}"
        )
        st.page_link(
            "app_pages/analytics.py",
            label="Chart",
            icon=":material/candlestick_chart:",
            query_params={"symbol": about.symbol},
        )


def render_totals(board: Dashboard) -> None:
    """What is held in sum, and how much that is more than a day ago."""
    storage, changes = board.storage, board.changes
    size = storage.lake_bytes + storage.warehouse_bytes
    lag = timedelta(milliseconds=board.lag_ms) if board.lag_ms is not None else None
    with st.grid(4, min_column_width=150):
        _render_total(
            "Candles",
            f"{board.candles:,}",
            "minutes held",
            humanize.format_signed_change(changes.candles, "{:,}".format) if changes else None,
            board,
        )
        _render_total(
            "Lake objects",
            f"{storage.objects:,}",
            "raw and archived",
            humanize.format_signed_change(changes.objects, "{:,}".format) if changes else None,
            board,
        )
        _render_total(
            "Storage",
            file_size(size),
            f"lake {file_size(storage.lake_bytes)}, warehouse {file_size(storage.warehouse_bytes)}",
            humanize.format_signed_change(changes.lake_bytes + changes.warehouse_bytes, file_size)
            if changes
            else None,
            board,
        )
        _render_total(
            "Lag",
            humanize.format_duration(lag) if lag is not None else "\N{EM DASH}",
            "age of the newest candle of the symbol that is furthest behind",
            humanize.format_signed_change(changes.lag_ms, _format_milliseconds)
            if changes and changes.lag_ms
            else None,
            board,
        )


def _render_total(label: str, value: str, about: str, change: str | None, board: Dashboard) -> None:
    """Neither more nor less of these is good or bad by itself, so a change has no colour."""
    since = None
    if change is not None and board.changes is not None:
        ago = timedelta(milliseconds=board.as_of - board.changes.since)
        since = f"in {humanize.format_duration(ago)}"
    st.metric(
        label,
        value,
        change,
        delta_color="off",
        delta_arrow="off",
        delta_description=since,
        help=about,
        border=True,
        height="stretch",
    )


def _format_milliseconds(ms: int) -> str:
    return humanize.format_duration(timedelta(milliseconds=ms))


def render_attention(found: tuple[AttentionItem, ...]) -> None:
    """One box a concern, naming its symbols."""
    if not found:
        st.caption(":material/check_circle: Nothing needs attention.")
    for concern in Concern:
        of_concern = [one for one in found if one.concern is concern]
        if of_concern:
            what, advice, icon = _CONCERN_TEXTS[concern]
            names = ", ".join(_format_symbol(one) for one in of_concern)
            st.warning(f"**{what}**: {names}. {advice}", icon=icon)


_CONCERN_TEXTS = {
    Concern.EMPTY: (
        "No candle yet",
        "Backfill them with `crypto-assets backfill`, or in Dagster.",
        ":material/hourglass_empty:",
    ),
    Concern.STALE: (
        "No new candle",
        "Is the schedule `ingest` on in Dagster, and its daemon running?",
        ":material/notifications_paused:",
    ),
    Concern.GAPS: (
        "Minutes missing, not explained yet",
        "They are asked for again by themselves.",
        ":material/broken_image:",
    ),
    Concern.NOT_TRADING: (
        "Not trading any more",
        "The exchange prints no new candles.",
        ":material/block:",
    ),
}


def _format_symbol(one: AttentionItem) -> str:
    if one.concern is Concern.STALE:
        return f"{one.symbol} for {humanize.format_duration(timedelta(milliseconds=one.amount))}"
    return f"{one.symbol} {one.amount:,}" if one.amount else one.symbol
