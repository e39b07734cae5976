"""What was used of an exchange's rate limit."""

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class ExchangeUsage:
    """Requests with their weight, and what the rate limit cost.

    `rate_limits` are responses with HTTP 429, `bans` those with 418. `wait_seconds` is the time
    that requests waited for the limit, added over the threads that sent them.
    """

    requests: int = 0
    weight: int = 0
    rate_limits: int = 0
    bans: int = 0
    wait_seconds: float = 0.0

    def __add__(self, other: "ExchangeUsage") -> "ExchangeUsage":
        return ExchangeUsage(*map(sum, zip(astuple(self), astuple(other), strict=True)))
