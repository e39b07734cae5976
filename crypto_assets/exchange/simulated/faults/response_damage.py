"""Answers that a fault replaces or damages."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crypto_assets.exchange.simulated.error_responses import (
    Refusal,
    banned,
    firewalled,
    geo_blocked,
    out_of_order,
    too_much_weight,
)
from crypto_assets.exchange.simulated.faults.content_flaws import spoiled_book, spoiled_rows
from crypto_assets.exchange.simulated.faults.rules import (
    AnyAnswer,
    Cut,
    Malformed,
    Skew,
    Spoil,
    Status,
    Truncate,
)
from crypto_assets.exchange.simulated.time_unit import TimeUnit


class CutResponse(Response):
    """Announces a whole body, sends a share of it and breaks the connection."""

    def __init__(self, whole: Response, keep: float) -> None:
        super().__init__(whole.body, whole.status_code, whole.headers, whole.media_type)
        self._part = bytes(whole.body)[: int(len(whole.body) * keep)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self._part, "more_body": True})
        # Returning before the body is complete makes the server close the connection.


def refusal(rule: Status, now: int, weight_limit: int) -> Refusal:
    """What is sent instead of the answer; `now` in epoch ms dates the end of a ban."""
    seconds = rule.retry_after
    if rule.status == 429:
        return too_much_weight(weight_limit, 1 if seconds is None else seconds)
    if rule.status == 418:
        seconds = 120 if seconds is None else seconds
        return banned(now + seconds * 1000, seconds)
    if rule.status == 403:
        return firewalled()
    if rule.status == 451:
        return geo_blocked()
    return out_of_order(rule.status, seconds)


def damaged(answer: Response, rule: AnyAnswer) -> Response:
    """The answer with the rule's damage done; whole under rules that do none."""
    match rule:
        case Cut():
            return CutResponse(answer, rule.keep)
        case Truncate():
            part = bytes(answer.body)[: int(len(answer.body) * rule.keep)]
            return _instead(answer, part, answer.media_type)
        case Malformed():
            return _instead(answer, rule.body.encode(), rule.media_type)
        case Skew() | Spoil() if answer.status_code == 200 and _is_json(answer):
            content = _changed(orjson.loads(answer.body), rule)
            return _instead(answer, orjson.dumps(content), answer.media_type)
        case _:
            return answer


def _is_json(answer: Response) -> bool:
    return "json" in (answer.media_type or "")


def _changed(content: Any, rule: Skew | Spoil) -> Any:
    if isinstance(rule, Skew):
        return _skewed(content, rule.seconds)
    if isinstance(content, list):
        # Lists of trades and tickers hold objects: the flaws are those of candles.
        if not all(isinstance(row, list) for row in content):
            return content
        return spoiled_rows(content, rule.how, rule.row)
    return spoiled_book(content, rule.how) if "lastUpdateId" in content else content


def _skewed(content: Any, seconds: float) -> Any:
    if not isinstance(content, Mapping) or "serverTime" not in content:
        return content
    unit = TimeUnit.of(content["serverTime"])
    return {**content, "serverTime": content["serverTime"] + unit.instant(round(seconds * 1000))}


def _instead(answer: Response, body: bytes, media_type: str | None) -> Response:
    """Another body under the answer's status and headers."""
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("content-length", "content-type")
    }
    return Response(body, answer.status_code, headers, media_type)
