"""Times in milliseconds or microseconds: in responses by X-MBX-TIME-UNIT, and in parameters."""

from enum import StrEnum
from typing import Self

from crypto_assets.exchange.simulated.error_responses import invalid_time_unit_error

TIME_UNIT_HEADER = "X-MBX-TIME-UNIT"

# From here on a number is microseconds: as milliseconds it would be after the year 5000.
_LEAST_MICROSECONDS = 10**14


class TimeUnit(StrEnum):
    MILLISECOND = "MILLISECOND"
    MICROSECOND = "MICROSECOND"

    @classmethod
    def from_header(cls, value: str | None) -> Self:
        """Return the header's unit, milliseconds without it. Raises ErrorResponse."""
        if value is None:
            return cls.MILLISECOND
        if value not in (value.upper(), value.lower()) or value.upper() not in set(cls):
            raise invalid_time_unit_error()
        return cls(value.upper())

    @classmethod
    def from_instant(cls, instant: int) -> Self:
        """Return the unit of a number that is a time of this century."""
        return cls.MILLISECOND if instant < _LEAST_MICROSECONDS else cls.MICROSECOND

    def convert_ms(self, ms: int) -> int:
        """Return a time of epoch ms in this unit."""
        return ms * 1000 if self is TimeUnit.MICROSECOND else ms

    def convert_last_ms(self, ms: int) -> int:
        """Return the end in this unit of a period whose last millisecond is `ms`."""
        return ms * 1000 + 999 if self is TimeUnit.MICROSECOND else ms


def convert_to_ms(value: int, up: bool) -> int:
    """Return a time parameter in milliseconds; it may be in microseconds.

    `up` rounds up, which the start of a range needs.
    """
    if TimeUnit.from_instant(value) is TimeUnit.MILLISECOND:
        return value
    return -(-value // 1000) if up else value // 1000
