"""The query parameters of a request, validated as the exchange does."""

import re

import orjson

from crypto_assets.exchange.simulated.error_responses import (
    duplicate_parameter_error,
    empty_parameter_error,
    illegal_characters_error,
    invalid_interval_error,
    invalid_parameter_error,
    invalid_symbol_status_error,
    invalid_ticker_type_error,
    missing_parameter_error,
    repeated_symbol_error,
    unread_parameters_error,
)
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.time_unit import TimeUnit, convert_to_ms
from crypto_assets.market.intervals import parse_width_ms
from crypto_assets.market.symbols import SYMBOL_PATTERN, SymbolStatus, is_symbol
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS

# The patterns in error messages. Python's `re` does not support their &&.
_SYMBOL = f"^{SYMBOL_PATTERN}$"
_SYMBOLS = f'^\\[("{SYMBOL_PATTERN}"(,"{SYMBOL_PATTERN}"){{0,}}){{0,1}}\\]$'
_NAME = re.compile(r'"([^"]+)"')
_LIST = re.compile(r'\[("[^"]+"(,"[^"]+")*)?\]')
_INTERVALS = frozenset(interval.value for interval in KlineInterval)
_NUMBER = "^[0-9]{1,20}$"
_PERMISSION = "[A-Z0-9_]{1,20}"
_STATUSES = (SymbolStatus.TRADING, SymbolStatus.HALT, SymbolStatus.BREAK)
_WINDOW = re.compile(r"(?P<count>[1-9]\d?)(?P<unit>[mhd])", re.ASCII)
_LARGEST_WINDOW = {"m": 59, "h": 23, "d": 7}
_ZONE = re.compile(r"(?P<sign>[+-]?)(?P<hours>\d{1,2})(:(?P<minutes>[0-5]\d))?", re.ASCII)
_EARLIEST_ZONE, _LATEST_ZONE = -12 * HOUR_MS, 14 * HOUR_MS


class RequestParameters:
    """The query parameters. Each method raises the exchange's ErrorResponse for invalid input."""

    def __init__(self, items: list[tuple[str, str]], unit: TimeUnit = TimeUnit.MILLISECOND) -> None:
        self.unit = unit
        self._values: dict[str, str] = {}
        self._read_names: set[str] = set()
        for name, value in items:
            if name in self._values:
                raise duplicate_parameter_error()
            self._values[name] = value

    def _take_value(self, name: str) -> str:
        self._read_names.add(name)
        return self._values.get(name, "")

    def _take_optional(self, name: str) -> str:
        value = self._take_value(name)
        if not value and name in self._values:
            raise empty_parameter_error(name)
        return value

    def has_value(self, name: str) -> bool:
        return bool(self._values.get(name))

    def read_symbol(self) -> str:
        value = self._take_value("symbol")
        if not value:
            raise missing_parameter_error("symbol")
        if not is_symbol(value):
            raise illegal_characters_error("symbol", _SYMBOL)
        return value

    def read_symbols(self) -> list[str]:
        """Return the distinct names of a JSON list, `["BTCUSDT","BNBUSDT"]`."""
        value = self._take_value("symbols")
        names = _NAME.findall(value)
        if not _LIST.fullmatch(value) or not all(map(is_symbol, names)):
            raise illegal_characters_error("symbols", _SYMBOLS)
        if len(set(names)) < len(names):
            raise repeated_symbol_error()
        return names

    def read_permissions(self) -> list[str]:
        """Return one permission, `SPOT`, or those of a JSON list, `["MARGIN","LEVERAGED"]`."""
        value = self._take_optional("permissions")
        if not value.startswith("["):
            return [_require_match("permissions", value, f"^{_PERMISSION}$")] if value else []
        return self._read_list("permissions", _PERMISSION)

    def _read_list(self, name: str, item: str) -> list[str]:
        pattern = f'^\\[("{item}"(,"{item}"){{0,}}){{0,1}}\\]$'
        values: list[str] = orjson.loads(_require_match(name, self._take_value(name), pattern))
        return values

    def read_interval(self) -> KlineInterval:
        value = self._take_value("interval")
        if not value:
            raise missing_parameter_error("interval")
        if value not in _INTERVALS:
            raise invalid_interval_error()
        return KlineInterval(value)

    def read_time(self, name: str) -> int | None:
        """Return epoch ms, or None if not sent. The value may be in microseconds."""
        value = self.read_number(name)
        return None if value is None else convert_to_ms(value, up=name == "startTime")

    def read_number(self, name: str) -> int | None:
        """Return an integer, or None if not sent."""
        value = self._take_optional(name)
        return int(_require_match(name, value, _NUMBER)) if value else None

    def read_window_ms(self) -> int:
        """Return the width of `windowSize` in ms, by default a day.

        It is `1m` to `59m`, `1h` to `23h` or `1d` to `7d`.
        """
        match = _WINDOW.fullmatch(self._take_optional("windowSize") or "1d")
        count = int(match["count"]) if match else 0
        if not match or not 1 <= count <= _LARGEST_WINDOW[match["unit"]]:
            raise invalid_parameter_error("windowSize")
        return parse_width_ms(match[0])

    def read_status(self) -> SymbolStatus | None:
        """Return the status of `symbolStatus`, or None if not sent."""
        value = self._take_optional("symbolStatus")
        if value and value not in _STATUSES:
            raise invalid_symbol_status_error()
        return SymbolStatus(value) if value else None

    def is_mini(self) -> bool:
        """Return whether `type` selects the short form of a ticker."""
        value = self._take_optional("type") or "FULL"
        if value not in ("FULL", "MINI"):
            raise invalid_ticker_type_error()
        return value == "MINI"

    def read_time_zone(self) -> int:
        """Return the distance from UTC in ms of `8`, `05:45` or `-1:00`, by default 0."""
        match = _ZONE.fullmatch(self._take_optional("timeZone") or "0")
        if not match:
            raise invalid_parameter_error("timeZone")
        offset = int(match["hours"]) * HOUR_MS + int(match["minutes"] or 0) * MINUTE_MS
        offset = -offset if match["sign"] == "-" else offset
        if not _EARLIEST_ZONE <= offset <= _LATEST_ZONE:
            raise invalid_parameter_error("timeZone")
        return offset

    def read_limit(self, default: int, most: int) -> int:
        """Return the limit, at least 1 and reduced to `most`."""
        value = self._take_optional("limit")
        if not value:
            return default
        limit = int(_require_match("limit", value, _NUMBER))
        if limit < 1:
            raise invalid_parameter_error("limit")
        return min(limit, most)

    def read_choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of the allowed values, by default the first."""
        value = self._take_optional(name) or allowed[0]
        if value not in allowed:
            raise invalid_parameter_error(name)
        return value

    def reject_unread(self) -> None:
        """Raise ErrorResponse if the query has parameters that were not read."""
        if len(self._values.keys() - self._read_names):
            raise unread_parameters_error(
                len(self._values.keys() & self._read_names), len(self._values)
            )


def _require_match(name: str, value: str, pattern: str) -> str:
    if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value, re.ASCII):
        raise illegal_characters_error(name, pattern)
    return value
