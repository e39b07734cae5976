"""A response of the exchange: its headers, and its JSON checked against the documented shape.

A response of another shape raises ExchangeUnavailable, so that the request is retried.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import orjson

from crypto_assets.errors import ExchangeUnavailable
from crypto_assets.foreign_text import shorten_text
from crypto_assets.http_client import HttpResponse
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import MINUTE_MS, Window, to_epoch_ms

# The most decoded bytes of each kind of response, far above what the exchange sends: 1000 candles
# have 200 KB, the deepest order book 300 KB, all symbols with their permissions 15 MB, a day in the
# archive 70 KB packed and 200 KB unpacked.
MAX_JSON_BYTES = 2 << 20
MAX_EXCHANGE_INFO_BYTES = 32 << 20
MAX_ARCHIVE_BYTES = 16 << 20
MAX_CHECKSUM_BYTES = 4096

# The longest wait that a response can demand. A ban may last longer: then one request a day finds
# out.
MAX_RETRY_AFTER_S = 86_400
_MAX_DIGITS = 18

# Open time, OHLC and volume, close time, quote volume, trades, taker volumes, unused.
_ROW_TYPES = (int, *(str,) * 5, int, str, int, *(str,) * 3)


@dataclass(frozen=True)
class ExchangeResponse(HttpResponse):
    """A complete response, with the exchange's headers as numbers."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def used_weight(self) -> int | None:
        """Weight used by the whole IP address in the exchange's minute, this request included."""
        return self._parse_int_header("X-MBX-USED-WEIGHT-1M")

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait before the next request, at most a day."""
        seconds = self._parse_int_header("Retry-After")
        return None if seconds is None else min(seconds, MAX_RETRY_AFTER_S)

    @property
    def server_time_ms(self) -> int | None:
        """The server's clock in epoch ms, to the second, also if a cache sent the response."""
        try:
            date = to_epoch_ms(parsedate_to_datetime(self.headers["Date"]))
        except (KeyError, ValueError, OverflowError):
            return None
        return date + (self._parse_int_header("Age") or 0) * 1000

    @property
    def minute_seconds_left(self) -> float | None:
        """Seconds until the server's minute has certainly ended."""
        date = self.server_time_ms
        return None if date is None else (MINUTE_MS - date % MINUTE_MS) / 1000 + 0.25

    def _parse_int_header(self, name: str) -> int | None:
        text = self.headers.get(name, "")
        # Python refuses thousands of digits; fewer of them are large enough for every limit.
        return int(text.lstrip("0")[:_MAX_DIGITS] or 0) if text.isdecimal() else None


def parse_json_object(response: ExchangeResponse, *names: str) -> dict[str, Any]:
    """Return the JSON object, which must have these members. Raises ExchangeUnavailable."""
    body = _parse_json(response)
    if not isinstance(body, dict) or not all(name in body for name in names):
        raise malformed_response_error(response, f"not an object with {', '.join(names)}")
    return body


def parse_kline_rows(response: ExchangeResponse, window: Window) -> list[KlineRow]:
    """Return rows of 12 fields, ascending, that open in the window. Raises ExchangeUnavailable."""
    rows = _parse_json(response)
    if not isinstance(rows, list):
        raise malformed_response_error(response, "not an array of candles")
    for row in rows:
        if not isinstance(row, list) or tuple(map(type, row)) != _ROW_TYPES:
            raise malformed_response_error(
                response, f"a row without 12 fields: {shorten_text(row)}"
            )
    if any(second[0] <= first[0] for first, second in pairwise(rows)):
        raise malformed_response_error(response, "its candles are not ascending")
    if rows and not (rows[0][0] in window and rows[-1][0] in window):
        raise malformed_response_error(response, f"candles outside {window}")
    return rows


def validate_order_book(response: ExchangeResponse) -> bytes:
    """Return the bytes of a depth response after a check of its shape.

    Raises ExchangeUnavailable.
    """
    book = parse_json_object(response, "lastUpdateId", "bids", "asks")
    sides = book["bids"], book["asks"]
    if type(book["lastUpdateId"]) is not int or not all(map(_is_book_side, sides)):
        raise malformed_response_error(response, "not an order book")
    return response.body


def _is_book_side(levels: Any) -> bool:
    return isinstance(levels, list) and all(
        isinstance(level, list) and tuple(map(type, level)) == (str, str) for level in levels
    )


def malformed_response_error(response: ExchangeResponse, flaw: str) -> ExchangeUnavailable:
    return ExchangeUnavailable(f"{response.url} returned a malformed response: {flaw}")


def _parse_json(response: ExchangeResponse) -> Any:
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise malformed_response_error(response, f"not JSON ({error})") from None
