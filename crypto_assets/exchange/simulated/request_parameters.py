"""A request's query, read and refused as the exchange does."""

import re

import orjson

from crypto_assets.exchange.simulated.error_responses import (
    duplicated,
    empty,
    illegal,
    invalid_interval,
    invalid_symbol_status,
    invalid_ticker_type,
    missing,
    not_valid,
    repeated_symbol,
    unread,
)
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.time_unit import TimeUnit, to_ms
from crypto_assets.market.symbols import SYMBOL_PATTERN, SymbolStatus, is_symbol
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS

# As the exchange states them; Python has no && in its patterns.
_SYMBOL = f"^{SYMBOL_PATTERN}$"
_SYMBOLS = f'^\\[("{SYMBOL_PATTERN}"(,"{SYMBOL_PATTERN}"){{0,}}){{0,1}}\\]$'
_NAME = re.compile(r'"([^"]+)"')
_LIST = re.compile(r'\[("[^"]+"(,"[^"]+")*)?\]')
_INTERVALS = frozenset(interval.value for interval in KlineInterval)
_NUMBER = "^[0-9]{1,20}$"
_PERMISSION = "[A-Z0-9_]{1,20}"
_STATUSES = (SymbolStatus.TRADING, SymbolStatus.HALT, SymbolStatus.BREAK)
_WINDOW = re.compile(r"(?P<count>[1-9]\d?)(?P<unit>[mhd])", re.ASCII)
_WINDOW_UNIT = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_LARGEST_WINDOW = {"m": 59, "h": 23, "d": 7}
_ZONE = re.compile(r"(?P<sign>[+-]?)(?P<hours>\d{1,2})(:(?P<minutes>[0-5]\d))?", re.ASCII)
_EARLIEST_ZONE, _LATEST_ZONE = -12 * HOUR_MS, 14 * HOUR_MS


class Parameters:
    """The query's parameters; each reading method raises the exchange's own Refusal."""

    def __init__(self, items: list[tuple[str, str]], unit: TimeUnit = TimeUnit.MILLISECOND) -> None:
        self.unit = unit
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
        if not is_symbol(value):
            raise illegal("symbol", _SYMBOL)
        return value

    def symbols(self) -> list[str]:
        """The names in a JSON list, `["BTCUSDT","BNBUSDT"]`, each once."""
        value = self._take("symbols")
        names = _NAME.findall(value)
        if not _LIST.fullmatch(value) or not all(map(is_symbol, names)):
            raise illegal("symbols", _SYMBOLS)
        if len(set(names)) < len(names):
            raise repeated_symbol()
        return names

    def permissions(self) -> list[str]:
        """One permission, `SPOT`, or those in a JSON list, `["MARGIN","LEVERAGED"]`."""
        value = self._optional("permissions")
        if not value.startswith("["):
            return [_matched("permissions", value, f"^{_PERMISSION}$")] if value else []
        return self._list("permissions", _PERMISSION)

    def _list(self, name: str, item: str) -> list[str]:
        pattern = f'^\\[("{item}"(,"{item}"){{0,}}){{0,1}}\\]$'
        values: list[str] = orjson.loads(_matched(name, self._take(name), pattern))
        return values

    def interval(self) -> KlineInterval:
        value = self._take("interval")
        if not value:
            raise missing("interval")
        if value not in _INTERVALS:
            raise invalid_interval()
        return KlineInterval(value)

    def time(self, name: str) -> int | None:
        """Epoch milliseconds, or None where it was not sent; microseconds are understood."""
        value = self.number(name)
        return None if value is None else to_ms(value, up=name == "startTime")

    def number(self, name: str) -> int | None:
        """A whole number, or None where it was not sent."""
        value = self._optional(name)
        return int(_matched(name, value, _NUMBER)) if value else None

    def window_ms(self) -> int:
        """The width of `windowSize` in ms, a day where it was not sent.

        `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.
        """
        match = _WINDOW.fullmatch(self._optional("windowSize") or "1d")
        count = int(match["count"]) if match else 0
        if not match or not 1 <= count <= _LARGEST_WINDOW[match["unit"]]:
            raise not_valid("windowSize")
        return count * _WINDOW_UNIT[match["unit"]]

    def status(self) -> SymbolStatus | None:
        """The status of `symbolStatus`, None where it was not sent."""
        value = self._optional("symbolStatus")
        if value and value not in _STATUSES:
            raise invalid_symbol_status()
        return SymbolStatus(value) if value else None

    def is_mini(self) -> bool:
        """Whether `type` asks for the short form of a ticker."""
        value = self._optional("type") or "FULL"
        if value not in ("FULL", "MINI"):
            raise invalid_ticker_type()
        return value == "MINI"

    def time_zone(self) -> int:
        """The distance from UTC in ms, 0 where it was not sent: `8`, `05:45` or `-1:00`."""
        match = _ZONE.fullmatch(self._optional("timeZone") or "0")
        if not match:
            raise not_valid("timeZone")
        offset = int(match["hours"]) * HOUR_MS + int(match["minutes"] or 0) * MINUTE_MS
        offset = -offset if match["sign"] == "-" else offset
        if not _EARLIEST_ZONE <= offset <= _LATEST_ZONE:
            raise not_valid("timeZone")
        return offset

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
