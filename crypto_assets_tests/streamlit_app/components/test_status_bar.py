"""The status in the navigation bar: the most urgent state of all symbols decides."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crypto_assets.market.staleness import SymbolState
from crypto_assets.reports import Dashboard, Instrument, StorageUsage, SymbolTile
from streamlit_app.components.status_bar import describe_status, format_state, format_state_table
from streamlit_app.dashboard.tiles import find_largest_lag

LIVE, LOADING, DELAYED = SymbolState.LIVE, SymbolState.LOADING, SymbolState.DELAYED
ENDED, UNREACHABLE = SymbolState.NOT_TRADING, SymbolState.UNREACHABLE


def build_dashboard(*states: SymbolState) -> Dashboard:
    tiles = tuple(
        SymbolTile(
            Instrument(f"S{number}USDT", f"S{number}", "USDT", 2, True), state, lag_ms=60_000
        )
        for number, state in enumerate(states)
    )
    return Dashboard(0, tiles, 0, StorageUsage((), 0), 0, None, ())


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ((), "No symbols"),
        ((UNREACHABLE, UNREACHABLE), "Exchange unreachable"),
        ((UNREACHABLE, ENDED), "Exchange unreachable"),
        ((DELAYED, LIVE), "S0USDT delayed"),
        ((DELAYED, LIVE, DELAYED), "2 symbols delayed"),
        ((ENDED, ENDED), "Not trading"),
        ((LIVE, LIVE), "No candles yet"),
    ],
)
def test_the_most_urgent_state_decides(states: tuple[SymbolState, ...], text: str) -> None:
    assert describe_status(build_dashboard(*states))[1] == text


def test_a_loading_symbol_has_its_progress_and_no_part_in_the_lag() -> None:
    dashboard = build_dashboard(LOADING, LIVE)
    loading, live = dashboard.tiles
    assert format_state(loading, (12, 698)) == "Loading (12 of 698 days)"
    assert format_state(live, (12, 698)) == "Live, history 12 of 698 days"
    assert format_state(live, None) == "Live"
    late = replace(dashboard, tiles=(replace(loading, lag_ms=10**10), live))
    assert find_largest_lag(late) == timedelta(minutes=1)


def test_the_age_belongs_to_its_symbol() -> None:
    table = format_state_table(build_dashboard(LIVE, DELAYED))
    assert table.count("1 min ago") == 2
    assert "Delayed" in table and "Live" in table
