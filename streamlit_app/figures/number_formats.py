"""How values of a unit are formatted on an axis and in the readout."""

import re
from dataclasses import dataclass
from typing import Any

from streamlit_app.format.decimal_places import DecimalPlaces

_RANGE_PATTERN = re.compile(r"(-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)")
_THOUSAND = 1_000


@dataclass(frozen=True)
class NumberFormat:
    """The format of values.

    `tick_format` is a d3 format, empty for Plotly's default. `live_chart.js` formats the readout
    by `kind`, `digits` and, if fewer digits are allowed, `min_digits`. `axis_range` fixes the axis;
    None fits it to the visible values.
    """

    tick_format: str
    kind: str
    digits: int = 0
    axis_range: tuple[float, float] | None = None
    min_digits: int | None = None

    @property
    def meta(self) -> dict[str, Any]:
        meta = {"kind": self.kind, "digits": self.digits}
        return meta if self.min_digits is None else meta | {"min_digits": self.min_digits}


def get_price_format(decimals: DecimalPlaces) -> NumberFormat:
    return NumberFormat(
        decimals.tick_format, "fixed", decimals.maximum, min_digits=decimals.minimum
    )


def get_amount_format(largest: float) -> NumberFormat:
    """Return the format of amounts up to `largest`: `1.5k`, `2B`; below 1,000 without a suffix.

    d3 would format 0.5 as `500m`.
    """
    return NumberFormat("" if largest >= _THOUSAND else "~g", "compact")


RELATIVE_FORMAT = NumberFormat("+.3~%", "change", 2)


def get_unit_format(unit: str, decimals: DecimalPlaces, largest: float) -> NumberFormat:
    """Return the format of a provider's unit: `quote units`, `base units`, `0 to 100`, `fraction`.

    Other units have four significant digits. `decimals` are those of the prices, `largest` is the
    largest absolute value.
    """
    if unit.startswith("quote"):
        return get_price_format(decimals.for_computed_values(largest))
    if unit.startswith(("base", "trades")):
        return get_amount_format(largest)
    if unit.startswith("fraction"):
        return NumberFormat(".3~%", "percent", 2)
    if match := _RANGE_PATTERN.match(unit):
        low, high = map(float, match.groups())
        return NumberFormat("~g", "fixed", 2, (low, high))
    return NumberFormat("~g", "significant", 4)
