"""The simulated exchange as an ASGI application: the REST API and the archive on one port."""

import asyncio
from collections.abc import Callable, Mapping

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crypto_assets.exchange.identity import ORIGIN_HEADER
from crypto_assets.exchange.simulated.archive_keys import (
    ArchiveKey,
    ArchiveKind,
    parse_archive_key,
)
from crypto_assets.exchange.simulated.archive_listing import (
    BUCKET,
    MAX_KEYS,
    ListingRequest,
    list_objects,
)
from crypto_assets.exchange.simulated.candle_source import CandleSource
from crypto_assets.exchange.simulated.error_responses import (
    JSON_TYPE,
    ErrorResponse,
    invalid_argument_error,
    no_such_key_error,
    path_not_found_error,
)
from crypto_assets.exchange.simulated.exchange import SimulatedExchange, describe_file_request
from crypto_assets.exchange.simulated.exchange_info import build_futures_info
from crypto_assets.exchange.simulated.faults.response_damage import (
    build_status_error,
    damage_response,
)
from crypto_assets.exchange.simulated.faults.rules import RequestTarget, StallRule, StatusRule
from crypto_assets.exchange.simulated.market_data import ENDPOINTS
from crypto_assets.exchange.simulated.recorded_candles import RecordedCandles
from crypto_assets.exchange.simulated.request_parameters import RequestParameters
from crypto_assets.exchange.simulated.time_unit import TIME_UNIT_HEADER, TimeUnit, convert_to_ms
from crypto_assets.market.utc_time import day_of

# The paths of exchangeInfo of the futures markets, which client libraries request too.
_FUTURES = {"/fapi/v1/exchangeInfo": "U_MARGINED", "/dapi/v1/exchangeInfo": "C_MARGINED"}
_LISTING_PARAMETERS = {"prefix", "delimiter", "marker", "max-keys", "encoding-type"}


def create_exchange_app(exchange: SimulatedExchange) -> Starlette:
    """Return the application with Binance's market data, its archive and two own routes.

    `/simulated/weights` and `/simulated/recording` are ours. The archive's listing is that of S3,
    with its query at the root or at the bucket's name.
    """

    async def serve_market_data(request: Request) -> Response:
        endpoint = ENDPOINTS[request.url.path]
        address = request.client.host if request.client else "unknown"
        used, error = exchange.weights.record_request(
            address, endpoint.compute_weight(request.query_params)
        )

        def build_response() -> Response:
            if error:
                raise error
            unit = TimeUnit.from_header(request.headers.get(TIME_UNIT_HEADER))
            query = RequestParameters(request.query_params.multi_items(), unit)
            return Response(endpoint.build_body(exchange, query), media_type=JSON_TYPE)

        response = await _apply_faults(
            exchange, _describe_request(exchange, request), build_response
        )
        response.headers["X-MBX-USED-WEIGHT"] = str(used)
        response.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        return _add_origin_header(exchange, response)

    async def serve_futures_info(request: Request) -> Response:
        body = build_futures_info(exchange.now_ms(), _FUTURES[request.url.path])
        return _add_origin_header(exchange, Response(orjson.dumps(body), media_type=JSON_TYPE))

    async def serve_weights(request: Request) -> Response:
        minutes = [vars(minute) for minute in exchange.weights.list_minutes()]
        body = {"limit": exchange.weights.limit, "minutes": minutes}
        return _add_origin_header(exchange, Response(orjson.dumps(body), media_type=JSON_TYPE))

    async def serve_recording(request: Request) -> Response:
        source, query = exchange.source, request.query_params
        return _add_origin_header(
            exchange, await run_in_threadpool(_build_recording_response, source, query)
        )

    async def serve_not_found(request: Request, reason: Exception) -> Response:
        return _add_origin_header(exchange, _build_error_response(path_not_found_error()))

    return Starlette(
        routes=[
            *(Route(path, serve_market_data) for path in ENDPOINTS),
            *(Route(path, serve_futures_info) for path in _FUTURES),
            *_build_archive_routes(exchange),
            Route("/simulated/weights", serve_weights),
            Route("/simulated/recording", serve_recording),
        ],
        exception_handlers={404: serve_not_found},
    )


def _build_archive_routes(exchange: SimulatedExchange) -> list[Route]:
    async def serve_archive_file(request: Request) -> Response:
        path: str = request.scope["path"]
        key = parse_archive_key(path.lstrip("/"))
        target = describe_file_request(path, key) if key else RequestTarget(path)
        response = await _apply_faults(
            exchange, target, lambda: _build_archive_response(exchange, key, path)
        )
        return _add_origin_header(exchange, response)

    async def serve_listing(request: Request) -> Response:
        target = RequestTarget(request.url.path)
        query = dict(request.query_params)
        response = await _apply_faults(
            exchange, target, lambda: _build_listing_response(exchange, query)
        )
        return _add_origin_header(exchange, response)

    async def serve_root(request: Request) -> Response:
        if _LISTING_PARAMETERS & request.query_params.keys():
            return await serve_listing(request)
        return _add_origin_header(exchange, _build_error_response(path_not_found_error()))

    return [
        *(
            Route(f"/data/spot/{kind}/klines/{{file:path}}", serve_archive_file)
            for kind in ArchiveKind
        ),
        Route("/", serve_root),
        Route(f"/{BUCKET}", serve_listing),
        Route(f"/{BUCKET}/", serve_listing),
    ]


def _add_origin_header(exchange: SimulatedExchange, response: Response) -> Response:
    response.headers[ORIGIN_HEADER] = exchange.source.origin
    return response


async def _apply_faults(
    exchange: SimulatedExchange, target: RequestTarget, build_response: Callable[[], Response]
) -> Response:
    """Build the response in a thread and apply the fault script's rules for the request."""
    now = exchange.now_ms()
    rules = exchange.faults.select_response_rules(target, now)
    for rule in rules:
        if isinstance(rule, StallRule):
            await asyncio.sleep(rule.seconds)
        elif isinstance(rule, StatusRule):
            return _build_error_response(build_status_error(rule, now, exchange.weights.limit))
    try:
        response = await run_in_threadpool(build_response)
    except ErrorResponse as error:
        response = _build_error_response(error)
    for rule in rules:
        response = damage_response(response, rule)
    return response


def _build_error_response(error: ErrorResponse) -> Response:
    return Response(error.body, error.status, error.headers, error.media_type)


def _describe_request(exchange: SimulatedExchange, request: Request) -> RequestTarget:
    query = request.query_params
    time = query.get("startTime") or query.get("endTime") or ""
    at = (
        convert_to_ms(int(time), up=False)
        if time.isdecimal() and len(time) < 18
        else exchange.now_ms()
    )
    return RequestTarget(request.url.path, query.get("symbol"), query.get("interval"), day_of(at))


def _build_archive_response(
    exchange: SimulatedExchange, key: ArchiveKey | None, path: str
) -> Response:
    content = exchange.get_archive_file(key) if key else None
    if key is None or content is None:
        raise no_such_key_error(path.lstrip("/"))
    media_type = "binary/octet-stream" if key.is_checksum else "application/zip"
    return Response(content, media_type=media_type)


def _build_listing_response(exchange: SimulatedExchange, query: Mapping[str, str]) -> Response:
    max_keys = query.get("max-keys", str(MAX_KEYS))
    if not max_keys.isdecimal() or len(max_keys) > 9:
        raise invalid_argument_error("max-keys", max_keys)
    request = ListingRequest(
        query.get("prefix", ""),
        query.get("delimiter", ""),
        query.get("marker", ""),
        min(int(max_keys), MAX_KEYS),
        query.get("encoding-type") == "url",
    )
    return Response(list_objects(exchange, request), media_type="application/xml")


def _build_recording_response(source: CandleSource, query: Mapping[str, str]) -> Response:
    """Return the files of a recording, or the digest of the first `rows` candles of `file`."""
    if not isinstance(source, RecordedCandles):
        return _build_error_response(path_not_found_error())
    body: Mapping[str, object] = {"files": source.recording.files}
    if "file" in query:
        rows = query.get("rows", "")
        count = int(rows) if rows.isdecimal() and len(rows) < 10 else 0
        try:
            body = {"digest": source.digest_first_rows(query["file"], count)}
        except KeyError:
            return _build_error_response(path_not_found_error())
    return Response(orjson.dumps(body), media_type=JSON_TYPE)
