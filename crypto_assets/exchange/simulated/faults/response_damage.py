"""Replace or damage responses by the rules of a fault script."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crypto_assets.exchange.simulated.error_responses import (
    ErrorResponse,
    firewall_error,
    gateway_error,
    geo_block_error,
    ip_ban_error,
    weight_limit_error,
)
from crypto_assets.exchange.simulated.faults.content_flaws import apply_book_flaw, apply_row_flaw
from crypto_assets.exchange.simulated.faults.rules import (
    CutRule,
    MalformedRule,
    ResponseRule,
    SkewRule,
    SpoilRule,
    StatusRule,
    TruncateRule,
)
from crypto_assets.exchange.simulated.time_unit import TimeUnit


class CutResponse(Response):
    """A response whose connection breaks after a part of the announced body."""

    def __init__(self, whole: Response, keep: float) -> None:
        super().__init__(whole.body, whole.status_code, whole.headers, whole.media_type)
        self._part = bytes(whole.body)[: int(len(whole.body) * keep)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self._part, "more_body": True})
        # Returning before the body is complete makes the server close the connection.


def build_status_error(rule: StatusRule, now: int, weight_limit: int) -> ErrorResponse:
    """Return the error response of a rule; `now` (epoch ms) dates the end of a ban."""
    seconds = rule.retry_after
    if rule.status == 429:
        return weight_limit_error(weight_limit, 1 if seconds is None else seconds)
    if rule.status == 418:
        seconds = 120 if seconds is None else seconds
        return ip_ban_error(now + seconds * 1000, seconds)
    if rule.status == 403:
        return firewall_error()
    if rule.status == 451:
        return geo_block_error()
    return gateway_error(rule.status, seconds)


def damage_response(response: Response, rule: ResponseRule) -> Response:
    """Return the response damaged by the rule, unchanged for other rules."""
    match rule:
        case CutRule():
            return CutResponse(response, rule.keep)
        case TruncateRule():
            part = bytes(response.body)[: int(len(response.body) * rule.keep)]
            return _replace_body(response, part, response.media_type)
        case MalformedRule():
            return _replace_body(response, rule.body.encode(), rule.media_type)
        case SkewRule() | SpoilRule() if response.status_code == 200 and _is_json(response):
            content = _damage_content(orjson.loads(response.body), rule)
            return _replace_body(response, orjson.dumps(content), response.media_type)
        case _:
            return response


def _is_json(response: Response) -> bool:
    return "json" in (response.media_type or "")


def _damage_content(content: Any, rule: SkewRule | SpoilRule) -> Any:
    if isinstance(rule, SkewRule):
        return _skew_server_time(content, rule.seconds)
    if isinstance(content, list):
        # Lists of trades and tickers contain objects; the flaws apply to candles only.
        if not all(isinstance(row, list) for row in content):
            return content
        return apply_row_flaw(content, rule.how, rule.row)
    return apply_book_flaw(content, rule.how) if "lastUpdateId" in content else content


def _skew_server_time(content: Any, seconds: float) -> Any:
    if not isinstance(content, Mapping) or "serverTime" not in content:
        return content
    unit = TimeUnit.from_instant(content["serverTime"])
    return {**content, "serverTime": content["serverTime"] + unit.convert_ms(round(seconds * 1000))}


def _replace_body(response: Response, body: bytes, media_type: str | None) -> Response:
    """Return a response with another body and the same status and headers."""
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in ("content-length", "content-type")
    }
    return Response(body, response.status_code, headers, media_type)
