"""The parts of the dashboard: symbol tiles, issues, and totals."""

from datetime import timedelta

import streamlit as st
from rich.filesize import decimal as file_size

from crypto_assets.reports import AttentionItem, Concern, Dashboard, SymbolTile
from streamlit_app.components.notices import escape_markdown
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import DecimalPlaces


def choose_column_count(count: int) -> int:
    """Choose the number of tiles per row that fills the last row best."""
    return min(count, min((4, 5, 3), key=lambda width: -count % width))


def render_symbol_tile(tile: SymbolTile) -> None:
    """Draw the price, the 24-hour statistics, a sparkline, and a link to the chart."""
    instrument, day = tile.instrument, tile.statistics
    base, quote = map(escape_markdown, (instrument.base, instrument.quote))
    with st.container(border=True, height="stretch", gap="xsmall"):
        if day is None:
            st.metric(f"{base} / {quote}", "\N{EM DASH}")
            st.caption("No candles yet")
            return
        prices = [float(price) for price in (day.last, day.high, day.low)]
        last, high, low = map(
            DecimalPlaces.for_printed_values(prices, instrument.digits).format_value, prices
        )
        st.metric(
            f"{base} / {quote}",
            last,
            humanize.format_percent(float(day.change_ratio)) if day.change else 0,
            delta_description="24 h, partial" if day.partial else "24 h",
            chart_data=list(tile.sparkline),
            chart_type="area",
        )
        st.caption(
            f"Low {low}, high {high}  \n"
            f"Volume {humanize.format_compact(float(day.volume))} {base}, "
            f"{humanize.format_compact(float(day.quote_volume))} {quote}"
        )
        st.page_link(
            "app_pages/analytics.py",
            label="Chart",
            icon=":material/candlestick_chart:",
            query_params={"symbol": instrument.symbol},
        )


def render_totals(dashboard: Dashboard) -> None:
    """Draw the totals, and their change since a day ago."""
    storage, changes = dashboard.storage, dashboard.changes
    size = storage.lake_bytes + storage.warehouse_bytes
    lag = timedelta(milliseconds=dashboard.lag_ms) if dashboard.lag_ms is not None else None
    with st.grid(4, min_column_width=150):
        _render_total(
            "Candles",
            f"{dashboard.candles:,}",
            "Stored minute candles of all symbols",
            humanize.format_signed_change(changes.candles, "{:,}".format) if changes else None,
            dashboard,
        )
        _render_total(
            "Lake objects",
            f"{storage.objects:,}",
            "Raw and archived objects",
            humanize.format_signed_change(changes.objects, "{:,}".format) if changes else None,
            dashboard,
        )
        _render_total(
            "Storage",
            file_size(size),
            f"Lake {file_size(storage.lake_bytes)}, warehouse {file_size(storage.warehouse_bytes)}",
            humanize.format_signed_change(changes.lake_bytes + changes.warehouse_bytes, file_size)
            if changes
            else None,
            dashboard,
        )
        _render_total(
            "Lag",
            humanize.format_duration(lag) if lag is not None else "\N{EM DASH}",
            "Age of the last candle of the slowest symbol",
            humanize.format_signed_change(changes.lag_ms, _format_milliseconds)
            if changes and changes.lag_ms
            else None,
            dashboard,
        )


def _render_total(
    label: str, value: str, help_text: str, change: str | None, dashboard: Dashboard
) -> None:
    """Draw a total. Its change has no colour: neither direction is good or bad."""
    since = None
    if change is not None and dashboard.changes is not None:
        ago = timedelta(milliseconds=dashboard.as_of - dashboard.changes.since)
        since = f"in {humanize.format_duration(ago)}"
    st.metric(
        label,
        value,
        change,
        delta_color="off",
        delta_arrow="off",
        delta_description=since,
        help=help_text,
        border=True,
        height="stretch",
    )


def _format_milliseconds(ms: int) -> str:
    return humanize.format_duration(timedelta(milliseconds=ms))


def render_attention(items: tuple[AttentionItem, ...]) -> None:
    """Draw one warning per concern, with its symbols."""
    if not items:
        st.caption(":material/check_circle: Nothing needs attention.")
    for concern in Concern:
        of_concern = [item for item in items if item.concern is concern]
        if of_concern:
            title, advice, icon = _CONCERN_TEXTS[concern]
            names = ", ".join(_format_symbol(item) for item in of_concern)
            st.warning(f"**{title}**: {names}. {advice}", icon=icon)


_CONCERN_TEXTS = {
    Concern.EMPTY: (
        "No candles yet",
        "They load automatically while Dagster runs. To load them now, start a backfill on the "
        "Scheduler page, or run `crypto-assets backfill`.",
        ":material/hourglass_empty:",
    ),
    Concern.STALE: (
        "Stale",
        "Check on the Scheduler page that the schedule `ingest` and the daemon are running.",
        ":material/notifications_paused:",
    ),
    Concern.GAPS: (
        "Unexplained missing minutes",
        "They are requested again automatically.",
        ":material/broken_image:",
    ),
    Concern.NOT_TRADING: (
        "Not trading",
        "The exchange publishes no new candles.",
        ":material/block:",
    ),
}


def _format_symbol(item: AttentionItem) -> str:
    symbol = escape_markdown(item.symbol)
    if item.concern is Concern.STALE:
        return f"{symbol} for {humanize.format_duration(timedelta(milliseconds=item.amount))}"
    return f"{symbol} {item.amount:,}" if item.amount else symbol
