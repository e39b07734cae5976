"""Layouts of an address: the whole chart, or its indicators only."""

from crypto_assets.pipeline.control.chart_layouts import LayoutKind
from streamlit_app.analytics.layout_menu import build_layout, build_layout_changes

ADDRESS = {
    "symbol": ["ETHUSDT"],
    "interval": ["4h"],
    "type": ["Area"],
    "tz": ["Asia/Kolkata"],
    "view": ["1741219200-1741305600"],
    "ema.2": ["true"],
    "ema.2_period": ["50"],
    "volume_profile": ["false"],
}


def test_a_layout_has_everything_but_place_in_time_and_time_zone() -> None:
    layout = build_layout("All", LayoutKind.LAYOUT, ADDRESS)
    assert set(layout.parameters) == set(ADDRESS) - {"view", "tz"}
    changes = build_layout_changes(layout, {"interval": ["1m"], "rsi": ["false"], "tz": ["UTC"]})
    assert changes["interval"] == ("4h",) and changes["rsi"] is None
    assert "tz" not in changes, "who opens a layout keeps the own zone"


def test_a_set_of_indicators_leaves_the_rest_as_it_is() -> None:
    indicators = build_layout("Set", LayoutKind.INDICATORS, ADDRESS)
    assert set(indicators.parameters) == {"ema.2", "ema.2_period"}
    changes = build_layout_changes(indicators, {"interval": ["1m"], "rsi": ["false"]})
    assert changes == {"rsi": None, "ema.2": ("true",), "ema.2_period": ("50",)}
