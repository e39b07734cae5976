"""How numbers of a unit are written: on an axis, under the crosshair, and between which ends."""

import re
from dataclasses import dataclass
from typing import Any

from streamlit_app.format.decimal_places import Decimals

_ENDS = re.compile(r"(-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)")


_THOUSAND = 1_000


@dataclass(frozen=True)
class Writing:
    """`ticks` is a format as d3 writes it, empty for Plotly's own.

    `kind`, `digits` and, where fewer will do, `least` are what `readout.js` goes by. `ends` fixes
    an axis; None lets it fit what is seen.
    """

    ticks: str
    kind: str
    digits: int = 0
    ends: tuple[float, float] | None = None
    least: int | None = None

    @property
    def meta(self) -> dict[str, Any]:
        known = {"kind": self.kind, "digits": self.digits}
        return known if self.least is None else known | {"least": self.least}


def price(decimals: Decimals) -> Writing:
    return Writing(decimals.ticks, "fixed", decimals.most, least=decimals.least)


def amount(most: float) -> Writing:
    """By the largest: `1.5k`, `2B`; what stays below a thousand as it is, `0.5` and not `500m`."""
    return Writing("" if most >= _THOUSAND else "~g", "compact")


RELATIVE = Writing("+.3~%", "change", 2)


def writing(unit: str, decimals: Decimals, most: float) -> Writing:
    """By a provider's own words for a column: `quote units`, `base units`, `0 to 100`, `fraction`.

    Any other unit is written with four significant digits. `decimals` are those of the prices,
    `most` is the largest value, without its sign.
    """
    if unit.startswith("quote"):
        return price(decimals.of_computed(most))
    if unit.startswith(("base", "trades")):
        return amount(most)
    if unit.startswith("fraction"):
        return Writing(".3~%", "percent", 2)
    if found := _ENDS.match(unit):
        low, high = map(float, found.groups())
        return Writing("~g", "fixed", 2, (low, high))
    return Writing("~g", "significant", 4)
