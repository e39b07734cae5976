"""How numbers of a unit are written: on an axis, under the crosshair, and between which ends."""

import re
from dataclasses import dataclass
from typing import Any

from streamlit_app.format.decimal_places import DecimalPlaces

_RANGE_PATTERN = re.compile(r"(-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)")


_THOUSAND = 1_000


@dataclass(frozen=True)
class NumberFormat:
    """`ticks` is a format as d3 writes it, empty for Plotly's own.

    `kind`, `digits` and, where fewer will do, `least` are what `readout.js` goes by. `ends` fixes
    an axis; None lets it fit what is seen.
    """

    tick_format: str
    kind: str
    digits: int = 0
    axis_range: tuple[float, float] | None = None
    min_digits: int | None = None

    @property
    def meta(self) -> dict[str, Any]:
        known = {"kind": self.kind, "digits": self.digits}
        return known if self.min_digits is None else known | {"least": self.min_digits}


def get_price_format(decimals: DecimalPlaces) -> NumberFormat:
    return NumberFormat(
        decimals.tick_format, "fixed", decimals.maximum, min_digits=decimals.minimum
    )


def get_amount_format(most: float) -> NumberFormat:
    """By the largest: `1.5k`, `2B`; what stays below a thousand as it is, `0.5` and not `500m`."""
    return NumberFormat("" if most >= _THOUSAND else "~g", "compact")


RELATIVE_FORMAT = NumberFormat("+.3~%", "change", 2)


def get_unit_format(unit: str, decimals: DecimalPlaces, most: float) -> NumberFormat:
    """By a provider's own words for a column: `quote units`, `base units`, `0 to 100`, `fraction`.

    Any other unit is written with four significant digits. `decimals` are those of the prices,
    `most` is the largest value, without its sign.
    """
    if unit.startswith("quote"):
        return get_price_format(decimals.for_computed_values(most))
    if unit.startswith(("base", "trades")):
        return get_amount_format(most)
    if unit.startswith("fraction"):
        return NumberFormat(".3~%", "percent", 2)
    if found := _RANGE_PATTERN.match(unit):
        low, high = map(float, found.groups())
        return NumberFormat("~g", "fixed", 2, (low, high))
    return NumberFormat("~g", "significant", 4)
