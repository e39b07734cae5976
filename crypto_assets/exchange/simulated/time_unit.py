"""Milliseconds or microseconds: how times go out, by the header X-MBX-TIME-UNIT, and come in."""

from enum import StrEnum

from crypto_assets.exchange.simulated.error_responses import invalid_time_unit_error

TIME_UNIT_HEADER = "X-MBX-TIME-UNIT"

# A larger number cannot be milliseconds: they would lie beyond the year 5000.
_LEAST_MICROSECONDS = 10**14


class TimeUnit(StrEnum):
    MILLISECOND = "MILLISECOND"
    MICROSECOND = "MICROSECOND"

    @classmethod
    def from_header(cls, value: str | None) -> "TimeUnit":
        """Read the header; milliseconds without it. Raises Refusal of any other word."""
        if value is None:
            return cls.MILLISECOND
        if value not in (value.upper(), value.lower()) or value.upper() not in set(cls):
            raise invalid_time_unit_error()
        return cls(value.upper())

    @classmethod
    def from_instant(cls, instant: int) -> "TimeUnit":
        """Return the unit of a number that must be an instant of our time."""
        return cls.MILLISECOND if instant < _LEAST_MICROSECONDS else cls.MICROSECOND

    def convert_ms(self, ms: int) -> int:
        """Return an instant in this unit."""
        return ms * 1000 if self is TimeUnit.MICROSECOND else ms

    def convert_last_ms(self, ms: int) -> int:
        """Return the end of a period whose last millisecond is `ms`."""
        return ms * 1000 + 999 if self is TimeUnit.MICROSECOND else ms


def convert_to_ms(value: int, up: bool) -> int:
    """Return a time parameter, which may be milliseconds or microseconds, in milliseconds.

    `up` rounds to the next millisecond, as the beginning of a range wants it.
    """
    if TimeUnit.from_instant(value) is TimeUnit.MILLISECOND:
        return value
    return -(-value // 1000) if up else value // 1000
