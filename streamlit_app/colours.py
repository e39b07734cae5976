"""The colours that carry a meaning, readable on the light and on the dark ground alike.

Rising and falling are blue and orange, a pair that every kind of colour blindness keeps apart
(`crypto_assets_tests/streamlit_app/test_colours.py` measures it).
"""

RISING = "#2B83D6"
FALLING = "#DF6410"

# Lines drawn over candles, in the order in which they are switched on; as far apart as four can be
# for every eye, of those that stand out from both grounds.
OVERLAYS = ("#9A6BF2", "#12A58A", "#A52D96", "#87692D")

OUTAGE = "rgba(128, 138, 152, 0.22)"
CROSSHAIR = "rgba(128, 138, 152, 0.9)"


def make_translucent(colour: str, alpha: float) -> str:
    """A `#rrggbb` colour with an opacity from 0 to 1, as CSS writes it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


# Days of the coverage calendar. Not loaded is hardly there, on either ground.
COMPLETE = RISING
EXPLAINED = "#8E7272"
INCOMPLETE = FALLING
NOT_LOADED = "rgba(128, 138, 152, 0.2)"
