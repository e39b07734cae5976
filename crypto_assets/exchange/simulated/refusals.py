"""The exchange's refusals, word for word: HTTP status, headers and body of each.

Codes and messages: https://developers.binance.com/docs/binance-spot-api-docs/errors
"""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import orjson

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(eq=False)
class Refusal(Exception):
    """An answer that is not what was asked for."""

    status: int
    body: bytes
    media_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)


def coded(status: int, code: int, message: str, **headers: str) -> Refusal:
    """Binance's JSON error: `{"code":-1121,"msg":"Invalid symbol."}`."""
    body = orjson.dumps({"code": code, "msg": message})
    return Refusal(status, body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def invalid_symbol() -> Refusal:
    return coded(400, -1121, "Invalid symbol.")


def invalid_interval() -> Refusal:
    return coded(400, -1120, "Invalid interval.")


def missing(name: str) -> Refusal:
    return coded(
        400,
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    )


def illegal(name: str, pattern: str) -> Refusal:
    return coded(
        400,
        -1100,
        f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.",
    )


def not_valid(name: str) -> Refusal:
    return coded(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def duplicated(name: str) -> Refusal:
    return coded(400, -1101, f"Duplicate values for parameter '{name}' detected.")


def unread(read: int, sent: int) -> Refusal:
    return coded(
        400,
        -1104,
        "Not all sent parameters were read; "
        f"read '{read}' parameter(s) but was sent '{sent}' parameter(s).",
    )


def not_both() -> Refusal:
    return coded(400, -1128, "Combination of optional parameters invalid.")


def too_much_weight(limit: int, retry_after: int) -> Refusal:
    return coded(
        429,
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        Retry_After=str(retry_after),
    )


def banned(until: int, retry_after: int) -> Refusal:
    """`until` in epoch ms by the exchange's clock, `retry_after` in seconds."""
    return coded(
        418,
        -1003,
        f"Way too much request weight used; IP banned until {until}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        Retry_After=str(retry_after),
    )


def no_such_key(key: str) -> Refusal:
    """The archive's answer where there is no such file, as S3 gives it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
        f"<Key>{escape(key)}</Key><RequestId>0000000000000000</RequestId><HostId></HostId></Error>"
    )
    return Refusal(404, body.encode(), "application/xml")


def no_such_path() -> Refusal:
    return Refusal(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")
