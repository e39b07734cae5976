"""The simulated exchange as an ASGI application: the REST API and the archive on one port."""

import asyncio
from collections.abc import Callable, Mapping

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crypto_assets.exchange.simulated.archive_listing import (
    BUCKET,
    MOST_KEYS,
    ListingRequest,
    list_objects,
)
from crypto_assets.exchange.simulated.archive_period import ArchiveKey, Kind, read_key
from crypto_assets.exchange.simulated.candle_source import CandleSource
from crypto_assets.exchange.simulated.error_responses import (
    JSON_TYPE,
    Refusal,
    invalid_argument,
    no_such_key,
    no_such_path,
)
from crypto_assets.exchange.simulated.exchange import SimulatedExchange, asked_file
from crypto_assets.exchange.simulated.exchange_info import futures_info
from crypto_assets.exchange.simulated.faults.response_damage import damaged, refusal
from crypto_assets.exchange.simulated.faults.rules import Asked, Stall, Status
from crypto_assets.exchange.simulated.market_data import ENDPOINTS
from crypto_assets.exchange.simulated.recorded_candles import RecordedCandles
from crypto_assets.exchange.simulated.request_parameters import Parameters
from crypto_assets.exchange.simulated.time_unit import HEADER as TIME_UNIT_HEADER
from crypto_assets.exchange.simulated.time_unit import TimeUnit, to_ms
from crypto_assets.market.utc_time import day_of

# Tells a client which exchange it speaks to.
ORIGIN_HEADER = "X-Simulated-Exchange"

# A futures' exchangeInfo, and what it calls itself: client libraries ask for all three markets.
_FUTURES = {"/fapi/v1/exchangeInfo": "U_MARGINED", "/dapi/v1/exchangeInfo": "C_MARGINED"}
_LISTING = {"prefix", "delimiter", "marker", "max-keys", "encoding-type"}


def create_app(exchange: SimulatedExchange) -> Starlette:
    """Routes of Binance spot's market data and archive, and two under `/simulated` of our own.

    The archive's listing is asked for as S3's, by query at the root or at the bucket's name.
    """

    async def market_data(request: Request) -> Response:
        endpoint = ENDPOINTS[request.url.path]
        address = request.client.host if request.client else "unknown"
        used, refused = exchange.weights.spend(address, endpoint.weight(request.query_params))

        def answer() -> Response:
            if refused:
                raise refused
            unit = TimeUnit.of_header(request.headers.get(TIME_UNIT_HEADER))
            query = Parameters(request.query_params.multi_items(), unit)
            return Response(endpoint.answer(exchange, query), media_type=JSON_TYPE)

        response = await _faulty(exchange, _asked(exchange, request), answer)
        response.headers["X-MBX-USED-WEIGHT"] = str(used)
        response.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        return _marked(exchange, response)

    async def futures(request: Request) -> Response:
        body = futures_info(exchange.now_ms(), _FUTURES[request.url.path])
        return _marked(exchange, Response(orjson.dumps(body), media_type=JSON_TYPE))

    async def weights(request: Request) -> Response:
        minutes = [vars(minute) for minute in exchange.weights.minutes()]
        body = {"limit": exchange.weights.limit, "minutes": minutes}
        return _marked(exchange, Response(orjson.dumps(body), media_type=JSON_TYPE))

    async def recording(request: Request) -> Response:
        source, query = exchange.source, request.query_params
        return _marked(exchange, await run_in_threadpool(_recording, source, query))

    async def nowhere(request: Request, reason: Exception) -> Response:
        return _marked(exchange, _refused(no_such_path()))

    return Starlette(
        routes=[
            *(Route(path, market_data) for path in ENDPOINTS),
            *(Route(path, futures) for path in _FUTURES),
            *_archive_routes(exchange),
            Route("/simulated/weights", weights),
            Route("/simulated/recording", recording),
        ],
        exception_handlers={404: nowhere},
    )


def _archive_routes(exchange: SimulatedExchange) -> list[Route]:
    async def archive(request: Request) -> Response:
        path: str = request.scope["path"]
        key = read_key(path.lstrip("/"))
        asked = asked_file(path, key) if key else Asked(path)
        return _marked(
            exchange, await _faulty(exchange, asked, lambda: _archived(exchange, key, path))
        )

    async def listing(request: Request) -> Response:
        asked = Asked(request.url.path)
        query = dict(request.query_params)
        return _marked(exchange, await _faulty(exchange, asked, lambda: _listed(exchange, query)))

    async def root(request: Request) -> Response:
        if _LISTING & request.query_params.keys():
            return await listing(request)
        return _marked(exchange, _refused(no_such_path()))

    return [
        *(Route(f"/data/spot/{kind}/klines/{{file:path}}", archive) for kind in Kind),
        Route("/", root),
        Route(f"/{BUCKET}", listing),
        Route(f"/{BUCKET}/", listing),
    ]


def _marked(exchange: SimulatedExchange, answer: Response) -> Response:
    answer.headers[ORIGIN_HEADER] = exchange.source.origin
    return answer


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
    at = to_ms(int(time), up=False) if time.isdecimal() and len(time) < 18 else exchange.now_ms()
    return Asked(request.url.path, query.get("symbol"), query.get("interval"), day_of(at))


def _archived(exchange: SimulatedExchange, key: ArchiveKey | None, path: str) -> Response:
    content = exchange.archive_part(key) if key else None
    if key is None or content is None:
        raise no_such_key(path.lstrip("/"))
    kind = "binary/octet-stream" if key.is_checksum else "application/zip"
    return Response(content, media_type=kind)


def _listed(exchange: SimulatedExchange, query: Mapping[str, str]) -> Response:
    most = query.get("max-keys", str(MOST_KEYS))
    if not most.isdecimal() or len(most) > 9:
        raise invalid_argument("max-keys", most)
    asked = ListingRequest(
        query.get("prefix", ""),
        query.get("delimiter", ""),
        query.get("marker", ""),
        min(int(most), MOST_KEYS),
        query.get("encoding-type") == "url",
    )
    return Response(list_objects(exchange, asked), media_type="application/xml")


def _recording(source: CandleSource, query: Mapping[str, str]) -> Response:
    """The files of a recording; of one `file` the digest of its first `rows` candles."""
    if not isinstance(source, RecordedCandles):
        return _refused(no_such_path())
    body: Mapping[str, object] = {"files": source.files}
    if "file" in query:
        rows = query.get("rows", "")
        count = int(rows) if rows.isdecimal() and len(rows) < 10 else 0
        try:
            body = {"digest": source.digest_beginning(query["file"], count)}
        except KeyError:
            return _refused(no_such_path())
    return Response(orjson.dumps(body), media_type=JSON_TYPE)
