"""A list of symbols with price, 24-hour change, and sparkline; a click chooses one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__)
_component = st.components.v2.component(
    "watchlist",
    html='<div class="watchlist" role="group" aria-label="Watchlist"></div>',
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class WatchlistRow:
    """A symbol as it is shown. `change_ratio` and `closes` are of the last 24 hours."""

    symbol: str
    name: str
    last: str
    change: str
    change_ratio: float
    closes: tuple[float, ...]


def render_watchlist(
    rows: Sequence[WatchlistRow], chosen: str, key: str, on_choice: Callable[[], None]
) -> None:
    """Draw the rows. `on_choice` finds the clicked symbol at `st.session_state[key].symbol`."""
    _component(
        key=key,
        data={"rows": [asdict(row) for row in rows], "chosen": chosen},
        on_symbol_change=on_choice,
    )
