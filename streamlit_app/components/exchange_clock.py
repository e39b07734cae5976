"""The exchange's clock in the browser, which shows nothing itself; scripts of the chart read it.

It is not part of the chart's message, which stays the same while no candle changes, so that it is
not sent again.
"""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "exchange_clock",
    html='<div class="exchange-clock"></div>',
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    # In the page, where the chart's scripts find it.
    isolate_styles=False,
)


def render_exchange_clock(now: int, symbol: str, *, is_live: bool, key: str) -> None:
    """Set the clock to `now` (epoch ms). `is_live` is whether the candles of `symbol` are."""
    _component(key=key, data={"now": now, "symbol": symbol, "is_live": is_live})
