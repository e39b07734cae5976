"""The parts of the dashboard: symbol tiles, issues, and totals."""

from datetime import timedelta

import streamlit as st

from crypto_assets.market.staleness import SymbolState
from crypto_assets.market.utc_time import HOUR_MS
from crypto_assets.reports import (
    AttentionItem,
    Concern,
    Dashboard,
    Instrument,
    SymbolTile,
    TickerStatistics,
)
from streamlit_app.components.notices import escape_markdown
from streamlit_app.components.sparkline import draw_sparkline
from streamlit_app.components.status_bar import format_lag, format_state
from streamlit_app.format import dates, humanize
from streamlit_app.format.decimal_places import DecimalPlaces

_MIN_CHANGE_MS = 20 * HOUR_MS
_SPARKLINE_STYLE = "<style>.sparkline { display: block; width: 100%; height: 3rem; }</style>"


def choose_column_count(count: int) -> int:
    """Choose the number of tiles per row that fills the last row best."""
    return min(count, min((4, 5, 3), key=lambda width: -count % width))


def render_symbol_tile(tile: SymbolTile, loading: tuple[int, int] | None) -> None:
    """Draw the price, the 24-hour statistics, a sparkline, and a link to the chart.

    `loading` are the loaded and all days of a backfill in progress.
    """
    instrument, day = tile.instrument, tile.statistics
    base, quote = map(escape_markdown, (instrument.base, instrument.quote))
    with st.container(border=True, height="stretch", gap="xsmall"):
        if day is None:
            st.metric(f"{base} / {quote}", "\N{EM DASH}")
            st.caption(f"{format_state(tile, loading)}. No candles yet.")
            return
        last, high, low = format_prices(instrument, day)
        st.metric(
            f"{base} / {quote}",
            last,
            humanize.format_percent(float(day.change_ratio)) if day.change else 0,
            delta_description="24 h, partial" if day.partial else "24 h",
        )
        st.html(f"{_SPARKLINE_STYLE}{draw_sparkline(tile.sparkline)}")
        st.caption(
            f"Low {low}, high {high}  \n"
            f"Volume {humanize.format_compact(float(day.volume))} {base}, "
            f"{humanize.format_compact(float(day.quote_volume))} {quote}"
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.page_link(
                "app_pages/analytics.py",
                label=f"Chart of {base}",
                icon=":material/candlestick_chart:",
                query_params={"symbol": instrument.symbol},
            )
            if tile.state is not SymbolState.LIVE or loading:
                st.caption(
                    f"{format_state(tile, loading)}; newest candle {format_lag(tile)}",
                    width="content",
                )


def format_prices(instrument: Instrument, day: TickerStatistics) -> list[str]:
    """Format the last, the highest and the lowest price with the same decimals."""
    prices = [float(price) for price in (day.last, day.high, day.low)]
    decimals = DecimalPlaces.for_printed_values(prices, instrument.digits)
    return [decimals.format_value(price) for price in prices]


def render_totals(dashboard: Dashboard) -> None:
    """Draw the totals, and their change since a day ago."""
    storage, changes = dashboard.storage, dashboard.changes
    # In a younger installation, the change would be the total.
    if changes and dashboard.as_of - changes.since < _MIN_CHANGE_MS:
        changes = None
    size = storage.lake_bytes + storage.warehouse_bytes
    lag = find_largest_lag(dashboard)
    with st.grid(4, min_column_width=150):
        _render_total(
            "Candles",
            f"{dashboard.candles:,}",
            "Stored minute candles of all symbols, also of those no longer tracked",
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
            humanize.format_size(size),
            f"Lake {humanize.format_size(storage.lake_bytes)}, "
            f"warehouse {humanize.format_size(storage.warehouse_bytes)}",
            humanize.format_signed_change(
                changes.lake_bytes + changes.warehouse_bytes, humanize.format_size
            )
            if changes
            else None,
            dashboard,
        )
        _render_total(
            "Lag",
            dates.format_age(lag) if lag is not None else "\N{EM DASH}",
            "Age of the newest candle of the slowest symbol, without those that are loading",
            humanize.format_signed_change(changes.lag_ms, _format_milliseconds)
            if changes and changes.lag_ms and not _is_any_loading(dashboard)
            else None,
            dashboard,
        )


def find_largest_lag(dashboard: Dashboard) -> timedelta | None:
    """Return the age of the slowest symbol's newest candle, without loading and ended symbols."""
    excluded = (SymbolState.LOADING, SymbolState.NOT_TRADING)
    lags = [tile.lag_ms for tile in dashboard.tiles if tile.state not in excluded]
    largest = max((lag for lag in lags if lag is not None), default=None)
    return None if largest is None else timedelta(milliseconds=largest)


def _is_any_loading(dashboard: Dashboard) -> bool:
    return any(tile.state is SymbolState.LOADING for tile in dashboard.tiles)


def _render_total(
    label: str, value: str, help_text: str, change: str | None, dashboard: Dashboard
) -> None:
    """Draw a total. Its change has no color: neither direction is good or bad."""
    since = None
    if change is not None and dashboard.changes is not None:
        ago = timedelta(milliseconds=dashboard.as_of - dashboard.changes.since)
        since = f"in {dates.format_age(ago)}"
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
    return dates.format_age(timedelta(milliseconds=ms))


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
        "They load automatically while Dagster runs: see the backfills on the Scheduler page.",
        ":material/hourglass_empty:",
    ),
    Concern.STALE: (
        "Delayed",
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
        return f"{symbol} for {dates.format_age(timedelta(milliseconds=item.amount))}"
    return f"{symbol} {item.amount:,}" if item.amount else symbol
