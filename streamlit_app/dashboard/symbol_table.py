"""The table of symbols, which takes the place of the tiles where they would fill the screen."""

from collections.abc import Mapping
from html import escape

import streamlit as st

from crypto_assets.market.staleness import SymbolState
from crypto_assets.reports import SymbolTile
from streamlit_app.components.action_table import (
    TableAction,
    TableColumn,
    format_link,
    render_action_table,
)
from streamlit_app.components.sparkline import draw_sparkline
from streamlit_app.components.status_bar import format_lag, format_state
from streamlit_app.dashboard.tiles import format_prices
from streamlit_app.format import humanize

# With more symbols, the tiles would take more than a screen.
MAX_TILES = 6
_COLUMNS = (
    TableColumn("Symbol"),
    TableColumn("State", is_corner=True),
    TableColumn("Last", is_figure=True),
    TableColumn("24 h", is_figure=True, is_corner=True),
    TableColumn("24 h line", is_figure=True),
    TableColumn("Low", is_figure=True),
    TableColumn("High", is_figure=True),
    TableColumn("Volume", is_figure=True),
    TableColumn("Newest candle", is_figure=True),
)


def render_symbol_table(
    tiles: tuple[SymbolTile, ...], loading_days: Mapping[str, tuple[int, int]]
) -> None:
    """Draw a row per symbol; a click on a symbol opens its chart.

    `loading_days` are the loaded and all days of backfills in progress, by symbol.
    """
    render_action_table(
        _COLUMNS,
        [
            (name := tile.instrument.symbol, _format_row(tile, loading_days.get(name)))
            for tile in tiles
        ],
        "symbols",
        "Tracked symbols with their last 24 hours",
        _open_chart,
    )


def _open_chart(clicked: TableAction) -> None:
    st.switch_page("app_pages/analytics.py", query_params={"symbol": clicked.row})


def _format_row(tile: SymbolTile, loading: tuple[int, int] | None) -> list[str]:
    instrument, day = tile.instrument, tile.statistics
    link = format_link(
        "open",
        f"{instrument.base} / {instrument.quote}",
        f"analytics?symbol={instrument.symbol}",
    )
    kind = {SymbolState.LIVE: "good", SymbolState.LOADING: "plain"}.get(tile.state, "bad")
    state = f'<span class="dot {kind}">{format_state(tile, loading)}</span>'
    if day is None:
        return [link, state, *[""] * (len(_COLUMNS) - 3), escape(format_lag(tile))]
    last, high, low = format_prices(instrument, day)
    direction = "rising" if day.change >= 0 else "falling"
    partial = ' <span class="note">partial</span>' if day.partial else ""
    change = humanize.format_percent(float(day.change_ratio))
    return [
        link,
        state,
        last,
        f'<span class="{direction}">{change}</span>{partial}',
        draw_sparkline(tile.sparkline),
        low,
        high,
        f"{humanize.format_compact(float(day.quote_volume))} {escape(instrument.quote)}",
        escape(format_lag(tile)),
    ]
