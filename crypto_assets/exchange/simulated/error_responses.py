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


def empty(name: str) -> Refusal:
    return coded(400, -1105, f"Parameter '{name}' was empty.")


def duplicated() -> Refusal:
    return coded(400, -1101, "Duplicate values for a parameter detected.")


def unread(read: int, sent: int) -> Refusal:
    return coded(
        400,
        -1104,
        f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    )


def not_both() -> Refusal:
    return coded(400, -1128, "Combination of optional parameters invalid.")


def invalid_symbol_status() -> Refusal:
    return coded(400, -1122, "Invalid symbolStatus.")


def other_status() -> Refusal:
    return coded(400, -1220, "The symbol's status does not match the requested symbolStatus.")


def invalid_ticker_type() -> Refusal:
    return coded(400, -1139, "Invalid ticker type.")


def neither(one: str, several: str) -> Refusal:
    return coded(
        400, -1102, f"Param '{one}' or '{several}' must be sent, but both were empty/null!"
    )


def too_many(most: int, sent: int) -> Refusal:
    return coded(400, -1101, f"Too many parameters; expected '{most}' and received '{sent}'.")


def repeated_symbol() -> Refusal:
    return coded(400, -1151, "Symbol is present multiple times in the list.")


def invalid_time_unit() -> Refusal:
    return coded(
        400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    )


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


def invalid_argument(name: str, value: str) -> Refusal:
    """The listing's answer to a parameter that it cannot read, as S3 gives it."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>InvalidArgument</Code><Message>Provided {escape(name)} not an integer or "
        f"within integer range</Message><ArgumentName>{escape(name)}</ArgumentName>"
        f"<ArgumentValue>{escape(value)}</ArgumentValue></Error>"
    )
    return Refusal(400, body.encode(), "application/xml")


def no_such_path() -> Refusal:
    return Refusal(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")


def firewalled() -> Refusal:
    """403 as the content-delivery network in front of the exchange gives it."""
    body = (
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" '
        '"http://www.w3.org/TR/html4/loose.dtd">\n'
        '<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">\n'
        "<TITLE>ERROR: The request could not be satisfied</TITLE>\n</HEAD><BODY>\n"
        "<H1>403 ERROR</H1>\n<H2>The request could not be satisfied.</H2>\n"
        '<HR noshade size="1px">\nRequest blocked.\n\n<BR clear="all">\n'
        '<HR noshade size="1px">\n<PRE>\nGenerated by cloudfront (CloudFront)\n'
        "Request ID: 0000000000000000000000000000000000000000000000==\n</PRE>\n"
        "<ADDRESS>\n</ADDRESS>\n</BODY></HTML>"
    )
    return Refusal(403, body.encode(), "text/html")


def geo_blocked() -> Refusal:
    body = (
        '{\n  "code": 0,\n  "msg": "Service unavailable from a restricted location according to '
        "'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if "
        'you believe you received this message in error."\n}'
    )
    return Refusal(451, body.encode())


def out_of_order(status: int, retry_after: int | None = None) -> Refusal:
    """5xx: HTML of a gateway, or the exchange's own word for an inner error."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 500:
        body = b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'
        return Refusal(status, body, JSON_TYPE, headers)
    page = f"<html>\r\n<head><title>{status}</title></head>\r\n<body></body>\r\n</html>\r\n"
    return Refusal(status, page.encode(), "text/html", headers)
