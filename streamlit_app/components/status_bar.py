"""The status in the navigation bar: how current the candles are, as a dot with a short word."""

import math
from collections import Counter
from datetime import timedelta
from html import escape

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.staleness import SymbolState
from crypto_assets.reports import Dashboard, SymbolTile
from streamlit_app import data
from streamlit_app.components import notices
from streamlit_app.format import dates

STATE_NAMES = {
    SymbolState.LIVE: "Live",
    SymbolState.LOADING: "Loading",
    SymbolState.DELAYED: "Delayed",
    SymbolState.NOT_TRADING: "Not trading",
    SymbolState.UNREACHABLE: "Exchange unreachable",
}
_STATE_COLORS = {
    SymbolState.LIVE: "blue",
    SymbolState.LOADING: "violet",
    SymbolState.DELAYED: "orange",
    SymbolState.NOT_TRADING: "gray",
    SymbolState.UNREACHABLE: "orange",
}
_DOT = "\N{BLACK CIRCLE}"
_TABLE_STYLE = """
<style>
.states { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
.states th, .states td { padding: .15rem .9rem .15rem 0; text-align: left; font-weight: 400; }
.states thead th { font-weight: 600; }
</style>
"""


@st.fragment(run_every="5s")
def render_status() -> None:
    """Draw the status, and refresh it without the page. A click lists the symbols."""
    try:
        dashboard = data.query_dashboard()
    except CryptoAssetsError:
        st.badge("No data", icon=":material/cloud_off:", color="orange")
        return
    lag = _find_replica_lag()
    color, text = describe_status(dashboard)
    with st.popover(f":{color}[{_DOT}] {text}", type="tertiary", key="status"):
        st.html(_TABLE_STYLE + format_state_table(dashboard))
        if lag:
            st.caption(f"The replica is {math.ceil(lag / 1000):,} s behind.")


def describe_status(dashboard: Dashboard) -> tuple[str, str]:
    """Return a color and a few words for all symbols: the most urgent state decides."""
    found = Counter(tile.state for tile in dashboard.tiles)
    state = next((state for state in SymbolState if found[state]), None)
    if state is None:
        return "gray", "No symbols"
    if all(tile.statistics is None for tile in dashboard.tiles) and state in (
        SymbolState.LIVE,
        SymbolState.LOADING,
    ):
        return "gray", "No candles yet"
    if state is SymbolState.NOT_TRADING and found[state] < len(dashboard.tiles):
        state = next(other for other in (SymbolState.LOADING, SymbolState.LIVE) if found[other])
    if state is SymbolState.UNREACHABLE or found[state] == len(dashboard.tiles):
        return _STATE_COLORS[state], STATE_NAMES[state]
    if state is SymbolState.LIVE:
        return _STATE_COLORS[state], STATE_NAMES[state]
    names = [tile.instrument.symbol for tile in dashboard.tiles if tile.state is state]
    which = notices.escape_markdown(names[0]) if len(names) == 1 else f"{len(names)} symbols"
    return _STATE_COLORS[state], f"{which} {STATE_NAMES[state].lower()}"


def format_state_table(dashboard: Dashboard) -> str:
    """Format each symbol's state, and the age of its newest candle."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(tile.instrument.symbol)}</th>"
        f"<td>{STATE_NAMES[tile.state]}</td><td>{escape(format_lag(tile))}</td></tr>"
        for tile in dashboard.tiles
    )
    return (
        "<table class='states'><thead><tr><th>Symbol</th><th>State</th><th>Newest candle</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )


def format_state(tile: SymbolTile, loading: tuple[int, int] | None) -> str:
    """Format a symbol's state: `Live`, `Loading (12 of 698 days)`.

    `loading` are the loaded and all days of a backfill in progress.
    """
    name = STATE_NAMES[tile.state]
    if loading is None:
        return name
    days = f"{loading[0]:,} of {loading[1]:,} days"
    if tile.state is SymbolState.LOADING:
        return f"{name} ({days})"
    return f"{name}, history {days}"


def format_lag(tile: SymbolTile) -> str:
    """Format the age of a symbol's newest candle."""
    if tile.lag_ms is None:
        return "none yet"
    return f"{dates.format_age(timedelta(milliseconds=tile.lag_ms))} ago"


def _find_replica_lag() -> int:
    try:
        return data.query_replica_lag()
    except CryptoAssetsError:
        return 0  # an unreachable primary or replica is reported by what reads from it
