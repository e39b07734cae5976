"""How values of a unit are formatted in the readouts and on the axes of the candle chart."""

from dataclasses import dataclass
from typing import Any

from crypto_assets.analytics import Unit
from streamlit_app.format.decimal_places import DecimalPlaces

_THOUSAND = 1_000


@dataclass(frozen=True)
class NumberFormat:
    """The format of values.

    `formats.js` formats by `kind`, `digits` and, if fewer digits are allowed, `min_digits`.
    `axis_range` fixes the axis; None fits it to the visible values.
    """

    kind: str
    digits: int = 0
    axis_range: tuple[float, float] | None = None
    min_digits: int | None = None

    @property
    def meta(self) -> dict[str, Any]:
        meta = {"kind": self.kind, "digits": self.digits}
        return meta if self.min_digits is None else meta | {"min_digits": self.min_digits}


def get_price_format(decimals: DecimalPlaces) -> NumberFormat:
    return NumberFormat("fixed", decimals.maximum, min_digits=decimals.minimum)


AMOUNT_FORMAT = NumberFormat("compact")  # 1.5K, 2B


def get_amount_tick_format(largest: float) -> str:
    """Return the d3 format of amounts up to `largest`, empty for Plotly's default: `1.5k`, `2B`.

    Below 1,000 there is no suffix: d3 would format 0.5 as `500m`.
    """
    return "" if largest >= _THOUSAND else "~g"


def get_unit_format(unit: Unit | str, decimals: DecimalPlaces, largest: float) -> NumberFormat:
    """Return the format of a provider's column; a text that is not a `Unit` has four digits.

    `decimals` are those of the prices, `largest` is the largest absolute value.
    """
    match unit:
        case Unit.QUOTE:
            return get_price_format(decimals.for_computed_values(largest))
        case Unit.BASE | Unit.TRADES:
            return AMOUNT_FORMAT
        case Unit.FRACTION | Unit.YEARLY_FRACTION | Unit.LOSS:
            return NumberFormat("percent", 2)
        case Unit() if unit.bounds:
            return NumberFormat("fixed", 2, unit.bounds)
        case _:
            return NumberFormat("significant", 4)
