"""The colours of the charts, readable on the light and the dark theme.

Rising is blue and falling is orange: people with any kind of colour blindness can tell them apart
(`crypto_assets_tests/streamlit_app/test_colours.py` measures the difference).
"""

from collections.abc import Collection, Sequence
from zlib import crc32

RISING = "#2B83D6"
FALLING = "#DF6410"

# Lines of indicators and compared symbols: eight hues that are readable on both themes, and as
# distinct as eight can be for every kind of colour blindness.
OVERLAYS = (
    *("#9A6BF2", "#12A58A", "#A52D96", "#87692D"),
    *("#FF0F73", "#3B6D4C", "#9B0FFF", "#899315"),
)
# The usual overlays never share a colour; all others have one by their name.
_HOME_SLOTS = {"EMA": 0, "SMA": 1, "BOLLINGER": 2, "VWAP": 3}

CROSSHAIR = "rgba(128, 138, 152, 0.9)"


def choose_line_colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each line, which does not depend on the other lines unless two collide.

    The first word of a name decides: `EMA 20` and `EMA 9` have the same colour alone. Together, the
    later one has the next free colour. Names beyond the number of colours share some.
    """
    slots: dict[str, int] = {}
    for is_repeated in (False, True):
        words: set[str] = set()
        for name in dict.fromkeys(names):
            word = name.partition(" ")[0].upper()
            if (word in words) is is_repeated:
                slots[name] = _find_free_slot(_get_home_slot(word), set(slots.values()))
            words.add(word)
    return {name: OVERLAYS[slots[name]] for name in dict.fromkeys(names)}


def _get_home_slot(word: str) -> int:
    return _HOME_SLOTS.get(word, crc32(word.encode()) % len(OVERLAYS))


def _find_free_slot(home: int, taken: Collection[int]) -> int:
    probes = ((home + step) % len(OVERLAYS) for step in range(len(OVERLAYS)))
    return next((slot for slot in probes if slot not in taken), home)


def make_translucent(colour: str, alpha: float) -> str:
    """Return a `#rrggbb` colour with an opacity from 0 to 1, in CSS notation."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


# Days of the coverage calendar. Days that are not loaded are faint on both themes.
COMPLETE = RISING
EXPLAINED = "#8E7272"
INCOMPLETE = FALLING
NOT_LOADED = "rgba(128, 138, 152, 0.2)"
