"""The colors of the charts, readable on the light and the dark theme.

Rising is blue and falling is orange: people with any kind of color blindness can tell them apart
(`crypto_assets_tests/streamlit_app/test_colors.py` measures the difference).
"""

RISING = "#2B83D6"
FALLING = "#DF6410"

# The colors of lines, by the names that the address of a chart contains: eight hues that are
# distinct from each other and from the candles for every kind of color blindness, and readable on
# both themes.
LINE_COLORS = {
    "violet": "#840CFC",
    "green": "#30A854",
    "magenta": "#C000A8",
    "moss": "#546C48",
    "red": "#C0240C",
    "iris": "#7860F0",
    "rose": "#C08490",
    "plum": "#9C4878",
}

CROSSHAIR = "rgba(128, 138, 152, 0.9)"


def make_translucent(color: str, alpha: float) -> str:
    """Return a `#rrggbb` color with an opacity from 0 to 1, in CSS notation."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


# Days of the coverage calendar. Days that are not loaded are faint on both themes.
COMPLETE = RISING
EXPLAINED = "#8E7272"
INCOMPLETE = FALLING
NOT_LOADED = "rgba(128, 138, 152, 0.2)"
