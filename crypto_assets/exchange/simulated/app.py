"""The simulated exchange as an ASGI application: the REST API and the daily archive on one port."""

import re
from datetime import date

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.market_data import ENDPOINTS
from crypto_assets.exchange.simulated.parameters import Parameters
from crypto_assets.exchange.simulated.refusals import (
    JSON_TYPE,
    Refusal,
    no_such_key,
    no_such_path,
)
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
        used, refusal = exchange.weights.spend(address, endpoint.weight(request.query_params))
        try:
            if refusal:
                raise refusal
            query = Parameters(request.query_params.multi_items())
            answer = Response(
                await run_in_threadpool(endpoint.answer, exchange, query), media_type=JSON_TYPE
            )
        except Refusal as reason:
            answer = _refused(reason)
        answer.headers["X-MBX-USED-WEIGHT"] = answer.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        return _marked(answer)

    async def archive(request: Request) -> Response:
        try:
            return _marked(await run_in_threadpool(_archive_answer, exchange, request.url.path))
        except Refusal as reason:
            return _marked(_refused(reason))

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


def _refused(refusal: Refusal) -> Response:
    return Response(refusal.body, refusal.status, refusal.headers, refusal.media_type)


def _archive_answer(exchange: SimulatedExchange, path: str) -> Response:
    found = _FILE.fullmatch(path.removeprefix(_ARCHIVE))
    if not found:
        raise no_such_key(path.lstrip("/"))
    try:
        interval, day = Interval(found["interval"]), date.fromisoformat(found["day"])
    except ValueError:
        raise no_such_key(path.lstrip("/")) from None
    file = exchange.archive_file(found["symbol"], interval, day)
    if file is None:
        raise no_such_key(path.lstrip("/"))
    if found["checksum"]:
        return Response(file.checksum, media_type="binary/octet-stream")
    return Response(file.content, media_type="application/zip")
