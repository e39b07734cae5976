"""A request's query, read and refused as the exchange does."""

import re

import orjson

from crypto_assets.exchange.simulated.refusals import (
    duplicated,
    empty,
    illegal,
    invalid_interval,
    missing,
    not_valid,
    unread,
)
from crypto_assets.market.intervals import Interval

_SYMBOL = "[A-Z0-9-_.]{1,20}"
_INTERVALS = frozenset(interval.value for interval in Interval)
_NUMBER = "^[0-9]{1,20}$"


class Parameters:
    """The query's parameters; each reading method raises the exchange's own Refusal."""

    def __init__(self, items: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        self._read: set[str] = set()
        for name, value in items:
            if name in self._values:
                raise duplicated()
            self._values[name] = value

    def _take(self, name: str) -> str:
        self._read.add(name)
        return self._values.get(name, "")

    def _optional(self, name: str) -> str:
        value = self._take(name)
        if not value and name in self._values:
            raise empty(name)
        return value

    def has(self, name: str) -> bool:
        return bool(self._values.get(name))

    def symbol(self) -> str:
        value = self._take("symbol")
        if not value:
            raise missing("symbol")
        return _matched("symbol", value, f"^{_SYMBOL}$")

    def symbols(self) -> list[str]:
        """The names in a JSON list, `["BTCUSDT","BNBUSDT"]`."""
        pattern = f'^\\[("{_SYMBOL}"(,"{_SYMBOL}"){{0,}}){{0,1}}\\]$'
        names: list[str] = orjson.loads(_matched("symbols", self._take("symbols"), pattern))
        return names

    def interval(self) -> Interval:
        value = self._take("interval")
        if not value:
            raise missing("interval")
        if value not in _INTERVALS:
            raise invalid_interval()
        return Interval(value)

    def time(self, name: str) -> int | None:
        """Epoch milliseconds, or None where it was not sent."""
        value = self._optional(name)
        return int(_matched(name, value, _NUMBER)) if value else None

    def limit(self, default: int, most: int) -> int:
        """At least 1; more than the most is the most."""
        value = self._optional("limit")
        if not value:
            return default
        limit = int(_matched("limit", value, _NUMBER))
        if limit < 1:
            raise not_valid("limit")
        return min(limit, most)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words, or the first where it was not sent."""
        value = self._optional(name) or allowed[0]
        if value not in allowed:
            raise not_valid(name)
        return value

    def done(self) -> None:
        """Refuse parameters that nobody read."""
        if len(self._values.keys() - self._read):
            raise unread(len(self._values.keys() & self._read), len(self._values))


def _matched(name: str, value: str, pattern: str) -> str:
    if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value, re.ASCII):
        raise illegal(name, pattern)
    return value
