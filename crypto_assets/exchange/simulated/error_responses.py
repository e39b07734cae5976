"""The exchange's error responses with their exact status, headers and body.

Codes and messages: https://developers.binance.com/docs/binance-spot-api-docs/errors
"""

from dataclasses import dataclass, field
from html import escape

import orjson

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(eq=False)
class ErrorResponse(Exception):
    """An error response, raised by the code that handles a request."""

    status: int
    body: bytes
    media_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)


def json_error(status: int, code: int, message: str, **headers: str) -> ErrorResponse:
    """Return Binance's JSON error: `{"code":-1121,"msg":"Invalid symbol."}`."""
    body = orjson.dumps({"code": code, "msg": message})
    return ErrorResponse(status, body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def invalid_symbol_error() -> ErrorResponse:
    return json_error(400, -1121, "Invalid symbol.")


def invalid_interval_error() -> ErrorResponse:
    return json_error(400, -1120, "Invalid interval.")


def missing_parameter_error(name: str) -> ErrorResponse:
    return json_error(
        400,
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    )


def illegal_characters_error(name: str, pattern: str) -> ErrorResponse:
    return json_error(
        400,
        -1100,
        f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.",
    )


def invalid_parameter_error(name: str) -> ErrorResponse:
    return json_error(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def empty_parameter_error(name: str) -> ErrorResponse:
    return json_error(400, -1105, f"Parameter '{name}' was empty.")


def duplicate_parameter_error() -> ErrorResponse:
    return json_error(400, -1101, "Duplicate values for a parameter detected.")


def unread_parameters_error(read: int, sent: int) -> ErrorResponse:
    return json_error(
        400,
        -1104,
        f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    )


def parameter_combination_error() -> ErrorResponse:
    return json_error(400, -1128, "Combination of optional parameters invalid.")


def invalid_symbol_status_error() -> ErrorResponse:
    return json_error(400, -1122, "Invalid symbolStatus.")


def symbol_status_mismatch_error() -> ErrorResponse:
    return json_error(400, -1220, "The symbol's status does not match the requested symbolStatus.")


def invalid_ticker_type_error() -> ErrorResponse:
    return json_error(400, -1139, "Invalid ticker type.")


def missing_one_of_error(one: str, several: str) -> ErrorResponse:
    return json_error(
        400, -1102, f"Param '{one}' or '{several}' must be sent, but both were empty/null!"
    )


def too_many_parameters_error(most: int, sent: int) -> ErrorResponse:
    return json_error(400, -1101, f"Too many parameters; expected '{most}' and received '{sent}'.")


def repeated_symbol_error() -> ErrorResponse:
    return json_error(400, -1151, "Symbol is present multiple times in the list.")


def invalid_time_unit_error() -> ErrorResponse:
    return json_error(
        400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    )


def weight_limit_error(limit: int, retry_after: int) -> ErrorResponse:
    return json_error(
        429,
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        Retry_After=str(retry_after),
    )


def ip_ban_error(until: int, retry_after: int) -> ErrorResponse:
    """Return the error of a ban until `until`, in epoch ms by the exchange's clock.

    `retry_after` is in seconds.
    """
    return json_error(
        418,
        -1003,
        f"Way too much request weight used; IP banned until {until}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        Retry_After=str(retry_after),
    )


def no_such_key_error(key: str) -> ErrorResponse:
    """Return S3's error for a missing file of the archive."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
        f"<Key>{escape(key)}</Key><RequestId>0000000000000000</RequestId><HostId></HostId></Error>"
    )
    return ErrorResponse(404, body.encode(), "application/xml")


def invalid_argument_error(name: str, value: str) -> ErrorResponse:
    """Return S3's error for an invalid parameter of the listing."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>InvalidArgument</Code><Message>Provided {escape(name)} not an integer or "
        f"within integer range</Message><ArgumentName>{escape(name)}</ArgumentName>"
        f"<ArgumentValue>{escape(value)}</ArgumentValue></Error>"
    )
    return ErrorResponse(400, body.encode(), "application/xml")


def path_not_found_error() -> ErrorResponse:
    return ErrorResponse(404, b"<html><body><h2>404 Not found</h2></body></html>", "text/html")


def firewall_error() -> ErrorResponse:
    """Return the 403 of the content delivery network in front of the exchange."""
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
    return ErrorResponse(403, body.encode(), "text/html")


def geo_block_error() -> ErrorResponse:
    body = (
        '{\n  "code": 0,\n  "msg": "Service unavailable from a restricted location according to '
        "'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if "
        'you believe you received this message in error."\n}'
    )
    return ErrorResponse(451, body.encode())


def gateway_error(status: int, retry_after: int | None = None) -> ErrorResponse:
    """Return a 5xx: HTML of a gateway, or for 500 the exchange's JSON error."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 500:
        body = b'{"code":-1000,"msg":"An unknown error occurred while processing the request."}'
        return ErrorResponse(status, body, JSON_TYPE, headers)
    page = f"<html>\r\n<head><title>{status}</title></head>\r\n<body></body>\r\n</html>\r\n"
    return ErrorResponse(status, page.encode(), "text/html", headers)
