"""What the exchange's refusals mean: HTTP status and body to an error that says what to do.

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
from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.market.utc_time import format_utc, from_epoch_ms, now_ms, to_epoch_ms

MARKET_DATA_HOST = "https://data-api.binance.vision"

# Where the answer does not say how long: a whole minute, and the shortest ban there is.
_PAUSE_S = 60.0
_BAN_S = 120.0

_INVALID_SYMBOL = -1121

_BANNED_UNTIL = re.compile(rb"banned until (\d{13})")


def translate_error_response(answer: ExchangeResponse) -> ExchangeError:
    """The error of an answer that is not what was asked for."""
    if answer.status == 418:
        return _build_ban_error(answer)
    if answer.status == 429:
        pause = _PAUSE_S if answer.retry_after is None else answer.retry_after
        return RateLimited(
            f"{answer.host} asks for fewer requests (HTTP 429): wait {pause:g} s", pause
        )
    if answer.status in {403, 451}:
        return _build_forbidden_error(answer)
    if answer.status >= 500:
        return ExchangeUnavailable(f"{answer.url} failed with HTTP {answer.status}")
    if 300 <= answer.status < 400:
        return _build_redirect_error(answer)
    return _build_rejection_error(answer)


def _build_ban_error(answer: ExchangeResponse) -> ExchangeBanned:
    until = from_epoch_ms(now_ms()) + timedelta(seconds=_parse_ban_seconds(answer))
    return ExchangeBanned(
        f"{answer.host} has banned this address until {format_utc(to_epoch_ms(until) // 1000 * 1000)} "
        "(HTTP 418, too many requests): nothing is sent before; stop other programs that ask it",
        until,
    )


def _parse_ban_seconds(answer: ExchangeResponse) -> float:
    """From now on: by Retry-After, else by the ban's end in the text and the answer's date."""
    if answer.retry_after is not None:
        return answer.retry_after
    until = _BANNED_UNTIL.search(answer.body)
    if until is None:
        return _BAN_S
    now = now_ms() if answer.server_time_ms is None else answer.server_time_ms
    return max(int(until[1]) - now, 0) / 1000


def _build_forbidden_error(answer: ExchangeResponse) -> ExchangeForbidden:
    why = "its region" if answer.status == 451 else "its address (a firewall's answer)"
    return ExchangeForbidden(
        f"{answer.host} refuses this machine for {why}, HTTP {answer.status}: set "
        f"CRYPTO_EXCHANGE_URL={MARKET_DATA_HOST}, the host for market data alone, "
        "or run it in another region"
    )


def _build_redirect_error(answer: ExchangeResponse) -> RequestRejected:
    """Redirects are not followed: another server's answers would pass for this one's."""
    try:
        # Headers are decoded as Latin-1; servers write addresses in UTF-8.
        given = answer.headers["Location"].encode("latin-1").decode(errors="surrogateescape")
        target = decode_address(redact_address(urljoin(answer.url, given)))
    except (KeyError, ValueError):
        target = "no address that can be read"
    return RequestRejected(
        f"{answer.url} redirects (HTTP {answer.status}) to {target}, which is not followed: "
        "set CRYPTO_EXCHANGE_URL or CRYPTO_ARCHIVE_URL to the address there if you trust it",
        0,
    )


def _build_rejection_error(answer: ExchangeResponse) -> RequestRejected:
    try:
        body: Any = orjson.loads(answer.body)
        code, message = int(body["code"]), str(body["msg"])
    except (ValueError, TypeError, KeyError):
        return RequestRejected(
            f"{answer.url} is refused with HTTP {answer.status}: is the exchange's address right "
            "(CRYPTO_EXCHANGE_URL, CRYPTO_ARCHIVE_URL)?",
            0,
        )
    kind = NotListed if code == _INVALID_SYMBOL else RequestRejected
    return kind(f"{answer.url} is rejected: {message} ({code})", code)
