"""The status in the navigation bar: the most urgent state of all symbols decides."""

import pytest

from crypto_assets.market.staleness import SymbolState
from crypto_assets.reports import Dashboard, Instrument, StorageUsage, SymbolTile
from streamlit_app.components.status_bar import describe_status, format_state_table

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


def test_the_age_belongs_to_its_symbol() -> None:
    table = format_state_table(build_dashboard(LIVE, DELAYED))
    assert table.count("1 min ago") == 2
    assert "Delayed" in table and "Live" in table
