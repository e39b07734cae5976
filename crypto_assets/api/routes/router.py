"""A router under /api: tagged answers, no unknown parameter, and failures by status."""

from typing import Any

from fastapi import APIRouter

from crypto_assets.api.access import RequireWriteAccess
from crypto_assets.api.error_handlers import Problem
from crypto_assets.api.http_caching import ETagRoute
from crypto_assets.api.parameters import KnownParametersOnly

_ERROR_DESCRIPTIONS = {
    404: "Unknown symbol, provider or name.",
    422: "Wrong input, with what is wrong.",
    429: "Too many requests: wait for Retry-After seconds.",
    503: "A part does not answer now: warehouse, exchange or Dagster.",
}
_WRITE_ERROR_DESCRIPTIONS = {
    401: "The token is missing or wrong.",
    403: "No token is set, and the request is not from this machine alone.",
    409: "The warehouse belongs to another exchange.",
    413: "The body is too large.",
    415: "The body is no JSON.",
}

# Who changed something, in the change log.
API_ACTOR = "the API"

RouteResponses = dict[int | str, dict[str, Any]]


def _describe_responses(failures: dict[int, str]) -> RouteResponses:
    return {status: {"model": Problem, "description": text} for status, text in failures.items()}


def create_api_router(tag: str) -> APIRouter:
    return APIRouter(
        prefix="/api",
        tags=[tag],
        route_class=ETagRoute,
        dependencies=[KnownParametersOnly],
        responses=_describe_responses(_ERROR_DESCRIPTIONS),
    )


# What a route that changes something is declared with.
WRITE_ERROR_RESPONSES: RouteResponses = _describe_responses(_WRITE_ERROR_DESCRIPTIONS)
WRITE_ROUTE_OPTIONS: dict[str, Any] = {
    "dependencies": [RequireWriteAccess],
    "responses": WRITE_ERROR_RESPONSES,
}
