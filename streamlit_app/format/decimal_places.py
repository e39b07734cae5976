"""How many decimals prices are written with: as many as the values shown need.

Today's tick size alone does not tell: history may be finer than it, and what is computed from
prices (an average true range, a standard deviation) is smaller than they are.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

# Decimals of prices and volumes in the warehouse, and the most of a computed value.
_STORED_PLACES = 8
_MAX_PLACES = 16
# Digits that a computed value shows at least, the leading zeros not counted.
_SIGNIFICANT_DIGITS = 4


@dataclass(frozen=True)
class DecimalPlaces:
    """Between `least` and `most`: what is beyond `least` is written where a value has it.

    `Decimals(2, 8)` writes 61.50 and 0.00001675.
    """

    minimum: int
    maximum: int

    @classmethod
    def for_printed_values(cls, values: ArrayLike, least: int) -> Self:
        """Decimals for values as the exchange printed them.

        Never fewer than `least`: of prices, the decimals of the tick size.
        """
        numbers = np.abs(_select_finite(values))
        enough = (
            count for count in range(least, _STORED_PLACES) if _has_enough_places(numbers, count)
        )
        return cls(least, next(enough, max(least, _STORED_PLACES)))

    def for_computed_values(self, values: ArrayLike) -> "DecimalPlaces":
        """Decimals for values computed from prices that are written with these."""
        largest = float(np.abs(_select_finite(values)).max(initial=0.0))
        if not 0 < largest < 1:
            return self
        needed = _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(largest))
        return DecimalPlaces(self.minimum, min(_MAX_PLACES, max(self.maximum, needed)))

    @property
    def midpoint_places(self) -> "DecimalPlaces":
        """Decimals for the middle of two such prices."""
        return DecimalPlaces(self.minimum + 1, self.maximum + 1)

    def format_value(self, value: float) -> str:
        """`67,123.40`, `0.00001675`."""
        written = f"{value:,.{self.maximum}f}"
        spare = self.maximum - self.minimum
        if not spare:
            return written
        kept, beyond = written[:-spare], written[-spare:].rstrip("0")
        return f"{kept}{beyond}" if beyond else kept.removesuffix(".")

    @property
    def tick_format(self) -> str:
        """The same for an axis, as d3 formats it: all alike, or without the zeros at the end."""
        return f",.{self.maximum}{'' if self.minimum == self.maximum else '~'}f"


def _has_enough_places(numbers: np.ndarray, decimals: int) -> bool:
    """Whether no number has a digit beyond these decimals; doubles are not exact."""
    scaled = numbers * 10.0**decimals
    return bool((np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-6, np.spacing(scaled))).all())


def _select_finite(values: ArrayLike) -> np.ndarray:
    numbers = np.asarray(values, np.float64).ravel()
    return numbers[np.isfinite(numbers)]
