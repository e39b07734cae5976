"""Convert errors to responses: a status, and `detail` with the problem and the fix in one line."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from crypto_assets.access import get_caller
from crypto_assets.errors import (
    CryptoAssetsError,
    ExchangeError,
    ForeignExchange,
    LakeError,
    OrchestratorError,
    TransientError,
    UnknownProvider,
    UnknownSymbol,
    UnknownTarget,
    WarehouseError,
    WrongUse,
)

_log = logging.getLogger(__name__)

_RETRY_SECONDS = "5"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
# The first match counts; every other error of this package is a component that fails, a 503.
_STATUSES: tuple[tuple[type[CryptoAssetsError], int], ...] = (
    (UnknownSymbol, 404),
    (UnknownProvider, 404),
    (UnknownTarget, 404),
    (WrongUse, 422),
    (ForeignExchange, 409),
)
_COMPONENTS: tuple[tuple[type[CryptoAssetsError], str], ...] = (
    (WarehouseError, "the warehouse"),
    (LakeError, "the lake"),
    (OrchestratorError, "Dagster"),
    (ExchangeError, "the exchange"),
)


class Problem(BaseModel):
    """The body of every response that is not a success."""

    detail: str = Field(description="The problem and how to fix it, in one line.")


def add_error_handlers(app: FastAPI) -> None:
    """Make an app return a Problem for every error."""
    app.exception_handler(CryptoAssetsError)(_handle_own_error)
    app.exception_handler(RequestValidationError)(_handle_validation_error)
    app.exception_handler(HTTPException)(_handle_http_exception)
    app.exception_handler(Exception)(_handle_unexpected_error)


def error_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    one_line = " ".join(detail.split())
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return JSONResponse({"detail": one_line}, status, headers)


def _handle_own_error(request: Request, error: CryptoAssetsError) -> JSONResponse:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 503)
    headers = {"Retry-After": _RETRY_SECONDS} if isinstance(error, TransientError) else {}
    if status != 503:
        return error_response(status, str(error), headers)
    _log.warning("%s: %s", type(error).__name__, error)
    # The message contains host names, users and paths.
    detail = str(error) if get_caller(request.scope).is_operator else _hide_reason(error)
    return error_response(status, detail, headers)


def _hide_reason(error: CryptoAssetsError) -> str:
    components = (name for kind, name in _COMPONENTS if isinstance(error, kind))
    return f"{next(components, 'a component')} fails: the operator and the log see the reason"


def _handle_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    return error_response(
        422, "; ".join(_describe_validation_error(details) for details in error.errors())
    )


def _describe_validation_error(details: Any) -> str:
    """`limit: Input should be less than or equal to 1000 (given: '5000')`."""
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "json_invalid":
        return f"the body: {message} at character {details['loc'][-1]}"
    where = ".".join(str(part) for part in details["loc"][1:])
    if not where:  # the error concerns several fields
        return f"the body: {message}" if details["loc"][0] == "body" else message
    if details["type"] == "missing":
        return f"{where}: {message}"
    return f"{where}: {message} (given: {_shorten_repr(details['input'])})"


def _shorten_repr(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _handle_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == 404 and error.detail == "Not Found":
        return error_response(404, f"no route {request.url.path}; /docs lists all routes")
    if error.status_code == 400:  # FastAPI's status for a body that is not text
        return error_response(422, f"the body: {error.detail}")
    if error.status_code == 405:
        allowed = ", ".join(_list_allowed_methods(request))
        return error_response(405, error.detail, {"Allow": allowed})
    return error_response(error.status_code, error.detail, error.headers)


def _list_allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes with the request's path; each route knows its own only."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    allowed = {
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    }
    return sorted(allowed | {"HEAD"} if "GET" in allowed else allowed)


def _handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s failed", request.url.path, exc_info=error)
    return error_response(500, "internal error: see the log of the API")
