"""The simulated exchange as an ASGI application: the REST API and the daily archive on one port."""

import asyncio
import re
from collections.abc import Callable
from datetime import date

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.faults.answers import damaged, refusal
from crypto_assets.exchange.simulated.faults.rules import Asked, Stall, Status
from crypto_assets.exchange.simulated.market_data import ENDPOINTS
from crypto_assets.exchange.simulated.parameters import Parameters
from crypto_assets.exchange.simulated.refusals import (
    JSON_TYPE,
    Refusal,
    no_such_key,
    no_such_path,
)
from crypto_assets.market.clock import day_of
from crypto_assets.market.intervals import Interval

# Tells a client which exchange it speaks to.
ORIGIN_HEADER = "X-Simulated-Exchange"

_ARCHIVE = "/data/spot/daily/klines/"
_FILE = re.compile(
    r"(?P<symbol>[A-Z0-9]+)/(?P<interval>\w+)/(?P=symbol)-(?P=interval)-"
    r"(?P<day>\d{4}-\d\d-\d\d)\.zip(?P<checksum>\.CHECKSUM)?"
)


def create_app(exchange: SimulatedExchange) -> Starlette:
    """Routes of Binance spot's market data and archive, and `/simulated/weights` of our own."""

    async def market_data(request: Request) -> Response:
        endpoint = ENDPOINTS[request.url.path]
        address = request.client.host if request.client else "unknown"
        used, refused = exchange.weights.spend(address, endpoint.weight(request.query_params))

        def answer() -> Response:
            if refused:
                raise refused
            query = Parameters(request.query_params.multi_items())
            return Response(endpoint.answer(exchange, query), media_type=JSON_TYPE)

        response = await _faulty(exchange, _asked(exchange, request), answer)
        response.headers["X-MBX-USED-WEIGHT"] = str(used)
        response.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        return _marked(response)

    async def archive(request: Request) -> Response:
        asked = _asked_file(request.url.path)
        return _marked(await _faulty(exchange, asked, lambda: _archive_answer(exchange, asked)))

    async def weights(request: Request) -> Response:
        minutes = [vars(minute) for minute in exchange.weights.minutes()]
        body = {"limit": exchange.weights.limit, "minutes": minutes}
        return _marked(Response(orjson.dumps(body), media_type=JSON_TYPE))

    async def nowhere(request: Request, reason: Exception) -> Response:
        return _marked(_refused(no_such_path()))

    def _marked(answer: Response) -> Response:
        answer.headers[ORIGIN_HEADER] = exchange.source.origin
        return answer

    return Starlette(
        routes=[
            *(Route(path, market_data) for path in ENDPOINTS),
            Route(_ARCHIVE + "{file:path}", archive),
            Route("/simulated/weights", weights),
        ],
        exception_handlers={404: nowhere},
    )


async def _faulty(
    exchange: SimulatedExchange, asked: Asked, answer: Callable[[], Response]
) -> Response:
    """The answer, made in a thread, with what the fault script does to this request."""
    now = exchange.now_ms()
    rules = exchange.faults.answers(asked, now)
    for rule in rules:
        if isinstance(rule, Stall):
            await asyncio.sleep(rule.seconds)
        elif isinstance(rule, Status):
            return _refused(refusal(rule, now, exchange.weights.limit))
    try:
        response = await run_in_threadpool(answer)
    except Refusal as reason:
        response = _refused(reason)
    for rule in rules:
        response = damaged(response, rule)
    return response


def _refused(reason: Refusal) -> Response:
    return Response(reason.body, reason.status, reason.headers, reason.media_type)


def _asked(exchange: SimulatedExchange, request: Request) -> Asked:
    query = request.query_params
    time = query.get("startTime") or query.get("endTime") or ""
    at = int(time) if time.isdecimal() and len(time) < 14 else exchange.now_ms()
    return Asked(request.url.path, query.get("symbol"), query.get("interval"), day_of(at))


def _asked_file(path: str) -> Asked:
    found = _FILE.fullmatch(path.removeprefix(_ARCHIVE))
    try:
        day = date.fromisoformat(found["day"]) if found else None
    except ValueError:
        day = None
    return Asked(path, found["symbol"], found["interval"], day) if found else Asked(path)


def _archive_answer(exchange: SimulatedExchange, asked: Asked) -> Response:
    missing = no_such_key(asked.path.lstrip("/"))
    if not asked.symbol or not asked.day or asked.interval not in set(Interval):
        raise missing
    flaws = exchange.faults.files(asked, exchange.now_ms())
    file = exchange.archive_file(asked.symbol, Interval(asked.interval), asked.day, flaws)
    if file is None:
        raise missing
    if not asked.path.endswith(".CHECKSUM"):
        return Response(file.content, media_type="application/zip")
    if file.checksum is None:
        raise missing
    return Response(file.checksum, media_type="binary/octet-stream")
