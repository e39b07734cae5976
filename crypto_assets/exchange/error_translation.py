"""Translate HTTP status and body of an error response to an exception with advice.

Status codes: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits
"""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import orjson

from crypto_assets.addresses import decode_address, redact_address
from crypto_assets.errors import (
    ExchangeBanned,
    ExchangeError,
    ExchangeForbidden,
    ExchangeUnavailable,
    NotListed,
    RateLimited,
    RequestRejected,
)
from crypto_assets.exchange.response import MAX_RETRY_AFTER_S, ExchangeResponse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.market.utc_time import format_utc, from_epoch_ms, now_ms, to_epoch_ms
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames

MARKET_DATA_HOST = "https://data-api.binance.vision"

# Used where the response has no duration: a whole minute, and the shortest ban.
_PAUSE_S = 60.0
_BAN_S = 120.0

_INVALID_SYMBOL = -1121

_BANNED_UNTIL = re.compile(rb"banned until (\d{13})")


def translate_error_response(
    response: ExchangeResponse, names: SettingNames = DEFAULT_NAMES
) -> ExchangeError:
    """Return the exception for a response with an unexpected status."""
    if response.status == 418:
        return _build_ban_error(response)
    if response.status == 429:
        pause = _PAUSE_S if response.retry_after is None else response.retry_after
        return RateLimited(
            f"{response.host} limits the request rate (HTTP 429): wait {pause:g} s", pause
        )
    if response.status in {403, 451}:
        return _build_forbidden_error(response, names)
    if response.status >= 500:
        return ExchangeUnavailable(f"{response.url} failed with HTTP {response.status}")
    if 300 <= response.status < 400:
        return _build_redirect_error(response, names)
    return _build_rejection_error(response, names)


def _build_ban_error(response: ExchangeResponse) -> ExchangeBanned:
    until = from_epoch_ms(now_ms()) + timedelta(seconds=_parse_ban_seconds(response))
    until_text = format_utc(to_epoch_ms(until) // 1000 * 1000)
    return ExchangeBanned(
        f"{response.host} has banned this address until {until_text} "
        "(HTTP 418, too many requests): no request is sent until then; "
        "stop other programs that send requests from this address",
        until,
    )


def _parse_ban_seconds(response: ExchangeResponse) -> float:
    """Return the seconds until the ban ends.

    They come from Retry-After, else from the end in the text and the response's date.
    """
    if response.retry_after is not None:
        return response.retry_after
    until = _BANNED_UNTIL.search(response.body)
    if until is None:
        return _BAN_S
    now = now_ms() if response.server_time_ms is None else response.server_time_ms
    return min(max(int(until[1]) - now, 0) / 1000, MAX_RETRY_AFTER_S)


def _build_forbidden_error(response: ExchangeResponse, names: SettingNames) -> ExchangeForbidden:
    reason = "region" if response.status == 451 else "address (a firewall's response)"
    return ExchangeForbidden(
        f"{response.host} rejects this machine's {reason}, HTTP {response.status}: for "
        f"Binance, set {names.exchange_url} to {MARKET_DATA_HOST}, the host for market data only, "
        "or run it in another region"
    )


def _build_redirect_error(response: ExchangeResponse, names: SettingNames) -> RequestRejected:
    """Return the error for a redirect, which could lead to another exchange's data."""
    try:
        # requests decodes headers as Latin-1, but servers send addresses in UTF-8.
        location = response.headers["Location"].encode("latin-1").decode(errors="surrogateescape")
        target = shorten_text(decode_address(redact_address(urljoin(response.url, location))))
    except (KeyError, ValueError):
        target = "an unreadable address"
    return RequestRejected(
        f"{response.url} redirects (HTTP {response.status}) to {target}, which is not followed: "
        f"set {names.exchange_url} or {names.archive_url} to that address if you trust it",
        0,
    )


def _build_rejection_error(response: ExchangeResponse, names: SettingNames) -> RequestRejected:
    try:
        body: Any = orjson.loads(response.body)
        code, message = int(body["code"]), shorten_text(body["msg"])
    except (ValueError, TypeError, KeyError):
        return RequestRejected(
            f"{response.url} failed with HTTP {response.status}: check the exchange's address "
            f"({names.exchange_url}, {names.archive_url})",
            0,
        )
    kind = NotListed if code == _INVALID_SYMBOL else RequestRejected
    return kind(f"{response.url} is rejected: {message} ({code})", code)
