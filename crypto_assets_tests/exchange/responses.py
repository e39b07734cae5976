"""Real responses of the exchange; the error bodies are from public bug reports."""

from collections.abc import Mapping, Sequence
from email.utils import formatdate

import orjson

from crypto_assets.market.candles import KlineRow
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets_tests.services.scripted import Answer, Request, Respond

START = 1_735_689_600_000  # 2025-01-01T00:00Z
JSON = {"Content-Type": "application/json;charset=UTF-8"}

BANNED = (
    b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1660090423228. '
    b'Please use the websocket for live updates to avoid bans."}'
)
TOO_MUCH = (
    b'{"code":-1003,"msg":"Too much request weight used; current limit is 1200 request weight '
    b'per 1 MINUTE. Please use the websocket for live updates to avoid polling the API."}'
)
RESTRICTED = (
    b'{\n  "code": 0,\n  "msg": "Service unavailable from a restricted location according to '
    b"'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if "
    b'you believe you received this message in error."\n}'
)
CLOUDFRONT = (
    b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" '
    b'"http://www.w3.org/TR/html4/loose.dtd">\n'
    b'<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">\n'
    b"<TITLE>ERROR: The request could not be satisfied</TITLE>\n</HEAD><BODY>\n"
    b"<H1>403 ERROR</H1>\n<H2>The request could not be satisfied.</H2>\n"
    b'<HR noshade size="1px">\nRequest blocked.\n</BODY></HTML>'
)
INVALID_SYMBOL = b'{"code":-1121,"msg":"Invalid symbol."}'
ILLEGAL_SYMBOL = (
    b'{"code":-1100,"msg":"Illegal characters found in parameter \'symbol\'; '
    b"legal range is '^[\\\\w\\\\-._&&[^a-z]]{1,50}$'.\"}"
)


def row(open_time: int) -> KlineRow:
    end = open_time - open_time % MINUTE_MS + MINUTE_MS - 1
    head: KlineRow = [open_time, "0.00001000", "0.00001010", "0.00000990", "0.00001000", "10.5"]
    return [*head, end, "0.00010500", 7, "5.00000000", "0.00005000", "0"]


def rows_answer(rows: Sequence[KlineRow], **headers: str) -> Answer:
    return Answer(200, orjson.dumps(rows), JSON | headers)


def minutes(first: int, count: int) -> list[KlineRow]:
    return [row(first + n * MINUTE_MS) for n in range(count)]


def listing(name: str, base: str, status: str = "TRADING") -> dict[str, object]:
    filters = [
        {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "tickSize": "0.01000000"},
    ]
    assets = {"baseAsset": base, "quoteAsset": "USDT"}
    return {"symbol": name, "status": status, **assets, "filters": filters}


def info_answer(*symbols: Mapping[str, object], limit: int = 6000) -> Answer:
    limits = [
        _limit("ORDERS", "SECOND", 10, 50),
        _limit("REQUEST_WEIGHT", "MINUTE", 1, limit),
        _limit("RAW_REQUESTS", "MINUTE", 5, 6100),
    ]
    body = {"timezone": "UTC", "serverTime": START, "rateLimits": limits, "symbols": symbols}
    return Answer(200, orjson.dumps(body), JSON)


def _limit(kind: str, interval: str, count: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def with_info(respond: Respond, limit: int = 6000) -> Respond:
    """Add a response to exchangeInfo, which a client reads once for its weight limit."""

    def answer(request: Request) -> Answer:
        if request.path == "/api/v3/exchangeInfo":
            return info_answer(listing("BTCUSDT", "BTC"), limit=limit)
        return respond(request)

    return answer


def date_header(epoch_s: float) -> dict[str, str]:
    return {"Date": formatdate(epoch_s, usegmt=True)}
