"""The number of decimals of prices: as many as the displayed values need.

The current tick size is not enough: older prices may be finer, and values computed from prices
(an average true range, a standard deviation) are smaller than prices.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

# Decimals of prices and volumes in the warehouse, and the most of a computed value.
_STORED_PLACES = 8
_MAX_PLACES = 16
# Significant digits of a computed value, without leading zeros.
_SIGNIFICANT_DIGITS = 4


@dataclass(frozen=True)
class DecimalPlaces:
    """A minimum and a maximum number of decimals.

    Decimals beyond `minimum` are written only if the value has them:
    `DecimalPlaces(2, 8)` formats 61.50 and 0.00001675.
    """

    minimum: int
    maximum: int

    @classmethod
    def for_printed_values(cls, values: ArrayLike, minimum: int) -> Self:
        """Return the decimals that show every value exactly as the exchange printed it.

        For prices, `minimum` is the number of decimals of the tick size.
        """
        numbers = np.abs(_select_finite(values))
        sufficient = (
            places
            for places in range(minimum, _STORED_PLACES)
            if _has_enough_places(numbers, places)
        )
        return cls(minimum, next(sufficient, max(minimum, _STORED_PLACES)))

    def for_computed_values(self, values: ArrayLike) -> Self:
        """Return the decimals for values computed from prices of these decimals."""
        largest = float(np.abs(_select_finite(values)).max(initial=0.0))
        if not 0 < largest < 1:
            return self
        needed = _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(largest))
        return type(self)(self.minimum, min(_MAX_PLACES, max(self.maximum, needed)))

    @property
    def midpoint_places(self) -> Self:
        """The decimals of the mean of two such prices."""
        return type(self)(self.minimum + 1, self.maximum + 1)

    def format_value(self, value: float) -> str:
        """`67,123.40`, `0.00001675`."""
        # `z` removes the sign of a value that is rounded to 0.
        text = f"{value:z,.{self.maximum}f}"
        optional_places = self.maximum - self.minimum
        if not optional_places:
            return text
        required, optional = text[:-optional_places], text[-optional_places:].rstrip("0")
        return f"{required}{optional}" if optional else required.removesuffix(".")

    @property
    def tick_format(self) -> str:
        """The d3 format of an axis: equal decimals, or trimmed if `minimum` is lower."""
        return f",.{self.maximum}{'' if self.minimum == self.maximum else '~'}f"


def _has_enough_places(numbers: np.ndarray, places: int) -> bool:
    """Return whether no number has a digit beyond these decimals; doubles are not exact."""
    scaled = numbers * 10.0**places
    return bool((np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-6, np.spacing(scaled))).all())


def _select_finite(values: ArrayLike) -> np.ndarray:
    numbers = np.asarray(values, np.float64).ravel()
    return numbers[np.isfinite(numbers)]
