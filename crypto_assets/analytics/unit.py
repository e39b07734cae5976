"""The units of a provider's columns, and the bounds of their values."""

from enum import StrEnum


class Unit(StrEnum):
    """The unit of a column; the value is its text in the API and in the docs."""

    QUOTE = "quote units"
    BASE = "base units"
    TRADES = "trades"
    FRACTION = "fraction; 0.5 is 50 %"
    YEARLY_FRACTION = "fraction per year; 0.5 is 50 %"
    LOSS = "fraction; -0.25 is a loss of 25 %"
    PERCENT = "0 to 100"
    CORRELATION = "-1 to 1"
    EPOCH_MS = "epoch ms"

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and highest possible value, or None without bounds."""
        return _BOUNDS.get(self)


_BOUNDS = {Unit.PERCENT: (0.0, 100.0), Unit.CORRELATION: (-1.0, 1.0)}
