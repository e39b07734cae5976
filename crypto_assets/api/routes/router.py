"""A router under /api: tagged answers, no unknown parameter, and failures by status."""

from typing import Any

from fastapi import APIRouter

from crypto_assets.api.access import MayWrite
from crypto_assets.api.error_handlers import Problem
from crypto_assets.api.http_caching import TaggedRoute
from crypto_assets.api.parameters import KnownParametersOnly

_FAILURES = {
    404: "Unknown symbol, provider or name.",
    422: "Wrong input, with what is wrong.",
    429: "Too many requests: wait for Retry-After seconds.",
    503: "A part does not answer now: warehouse, exchange or Dagster.",
}
_REFUSALS = {
    401: "The token is missing or wrong.",
    403: "No token is set, and the request is not from this machine alone.",
    409: "The warehouse belongs to another exchange.",
    413: "The body is too large.",
    415: "The body is no JSON.",
}

# Who changed something, in the change log.
THE_API = "the API"

Responses = dict[int | str, dict[str, Any]]


def _described(failures: dict[int, str]) -> Responses:
    return {status: {"model": Problem, "description": text} for status, text in failures.items()}


def api_router(tag: str) -> APIRouter:
    return APIRouter(
        prefix="/api",
        tags=[tag],
        route_class=TaggedRoute,
        dependencies=[KnownParametersOnly],
        responses=_described(_FAILURES),
    )


# What a route that changes something is declared with.
REFUSALS: Responses = _described(_REFUSALS)
WRITES: dict[str, Any] = {"dependencies": [MayWrite], "responses": REFUSALS}
