"""Create routers under /api: ETags, no unknown parameters, and documented error responses."""

from typing import Any

from fastapi import APIRouter

from crypto_assets.api.access import RequireWriteAccess
from crypto_assets.api.error_handlers import Problem
from crypto_assets.api.http_caching import ETagRoute
from crypto_assets.api.parameters import KnownParametersOnly

_ERROR_DESCRIPTIONS = {
    401: "A token is required, or the token is wrong.",
    404: "Unknown symbol, provider or name.",
    422: "Invalid input; `detail` names each problem.",
    429: "Too many requests: wait for Retry-After seconds.",
    503: "The warehouse, the exchange or Dagster does not respond.",
}
_WRITE_ERROR_DESCRIPTIONS = {
    403: "The caller may only read, or a browser sent the request for another page.",
    409: "The warehouse belongs to another exchange.",
    413: "The body is too large.",
    415: "The body is not JSON.",
}

RouteResponses = dict[int | str, dict[str, Any]]


def _describe_responses(descriptions: dict[int, str]) -> RouteResponses:
    return {
        status: {"model": Problem, "description": text} for status, text in descriptions.items()
    }


def create_api_router(tag: str) -> APIRouter:
    return APIRouter(
        prefix="/api",
        tags=[tag],
        route_class=ETagRoute,
        dependencies=[KnownParametersOnly],
        responses=_describe_responses(_ERROR_DESCRIPTIONS),
    )


# Options of every route that changes something.
WRITE_ERROR_RESPONSES: RouteResponses = _describe_responses(_WRITE_ERROR_DESCRIPTIONS)
WRITE_ROUTE_OPTIONS: dict[str, Any] = {
    "dependencies": [RequireWriteAccess],
    "responses": WRITE_ERROR_RESPONSES,
}
