"""The column beside the chart: watchlist, statistics of the day, and order book."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.reports import Instrument, SymbolTile
from streamlit_app import data
from streamlit_app.analytics import address, day_summary
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.components.watchlist import WatchlistRow, render_watchlist
from streamlit_app.data import analytics
from streamlit_app.format import humanize
from streamlit_app.format.decimal_places import DecimalPlaces
from streamlit_app.format.viewer_zone import ViewerZone

_KEY = "watchlist"
_SHOWN_LEVELS = 8
_SPARKLINE_HOURS = 24
_BOOK_STYLE = """
<style>
.book { width: 100%; border-collapse: collapse; font-size: .8rem; line-height: 1.45;
  font-variant-numeric: tabular-nums; }
.book caption { font-weight: 600; text-align: left; padding: 0 0 .25rem; }
.book td, .book th { padding: 0 .5rem; text-align: right; border: 0; font-weight: 400; }
.book th { opacity: .75; }
</style>
"""


def render_side_column(selection: ChartSelection | None) -> None:
    """Draw the column for the symbol of the chart, only the watchlist without one."""
    address.rerun_if_changed()  # The watchlist has changed the symbol.
    chosen = "" if selection is None else selection.instrument.symbol
    rows = [_describe_tile(tile) for tile in data.query_dashboard().tiles]
    render_watchlist(rows, chosen, _KEY, _choose_symbol)
    if selection is None:
        return
    if (day := analytics.query_statistics_24h(chosen)) is not None:
        day_summary.render_day_summary(day, selection.instrument)
    if (book := analytics.query_newest_order_book(chosen)) is not None:
        st.html(_BOOK_STYLE + format_book_html(book, selection.instrument, selection.viewer_zone))


def _choose_symbol() -> None:
    if symbol := st.session_state[_KEY].get("symbol"):
        address.change_address({"symbol": symbol})


def _describe_tile(tile: SymbolTile) -> WatchlistRow:
    instrument, day = tile.instrument, tile.statistics
    name = f"{instrument.base} / {instrument.quote}"
    if day is None:
        return WatchlistRow(instrument.symbol, name, "\N{EM DASH}", "", 0.0, ())
    last = float(day.last)
    decimals = DecimalPlaces.for_printed_values([last], instrument.digits)
    ratio = float(day.change_ratio)
    return WatchlistRow(
        instrument.symbol,
        name,
        decimals.format_value(last),
        humanize.format_percent(ratio),
        ratio,
        tile.sparkline[-_SPARKLINE_HOURS:],
    )


def format_book_html(book: OrderBook, instrument: Instrument, zone: ViewerZone) -> str:
    """Format the best levels of both sides, best ask above best bid."""
    asks, bids = book.asks[:_SHOWN_LEVELS], book.bids[:_SHOWN_LEVELS]
    prices = [float(level.price) for level in [*asks, *bids]]
    decimals = DecimalPlaces.for_printed_values(prices, instrument.digits)
    theme = st.context.theme.type or "light"
    time = f"{zone.convert(book.captured_at):%d %b %H:%M:%S} {zone.label}"
    rows = [
        *_format_levels(asks[::-1], decimals, st.get_option(f"theme.{theme}.redTextColor")),
        *_format_levels(bids, decimals, st.get_option(f"theme.{theme}.greenTextColor")),
    ]
    return (
        f'<table class="book"><caption>Order book, {escape(time)}</caption>'
        f"<tr><th>Price</th><th>{escape(instrument.base)}</th></tr>{''.join(rows)}</table>"
    )


def _format_levels(levels: Sequence[PriceLevel], decimals: DecimalPlaces, color: str) -> list[str]:
    return [
        f'<tr><td style="color:{color}">{decimals.format_value(float(level.price))}</td>'
        f"<td>{humanize.format_compact(float(level.quantity))}</td></tr>"
        for level in levels
    ]
