"""Errors as answers: a status, and `detail`, one line that says what was wrong and what to do."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from crypto_assets.errors import (
    CryptoAssetsError,
    ForeignExchange,
    TransientError,
    UnknownProvider,
    UnknownSymbol,
    UnknownTarget,
    WrongUse,
)

_log = logging.getLogger(__name__)

_RETRY_SECONDS = "5"
# The first that fits; whatever else is ours is a part that does not work now.
_STATUSES: tuple[tuple[type[CryptoAssetsError], int], ...] = (
    (UnknownSymbol, 404),
    (UnknownProvider, 404),
    (UnknownTarget, 404),
    (WrongUse, 422),
    (ForeignExchange, 409),
)


class Problem(BaseModel):
    """Every answer that is no success."""

    detail: str = Field(description="What was wrong and what to do, in one line.")


def add_error_handlers(app: FastAPI) -> None:
    """Teaches an app to answer with a Problem, whatever happens."""
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
    if status == 503:
        _log.warning("%s: %s", type(error).__name__, error)
    headers = {"Retry-After": _RETRY_SECONDS} if isinstance(error, TransientError) else {}
    return error_response(status, str(error), headers)


def _handle_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    return error_response(
        422, "; ".join(_describe_validation_error(fault) for fault in error.errors())
    )


def _describe_validation_error(fault: Any) -> str:
    """`limit: Input should be less than or equal to 1000 (given: '5000')`."""
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        return f"the body: {message} at character {fault['loc'][-1]}"
    where = ".".join(str(part) for part in fault["loc"][1:])
    if not where:  # it is of several together
        return f"the body: {message}" if fault["loc"][0] == "body" else message
    if fault["type"] == "missing":
        return f"{where}: {message}"
    return f"{where}: {message} (given: {_shorten_repr(fault['input'])})"


def _shorten_repr(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _handle_http_exception(request: Request, error: HTTPException) -> JSONResponse:
    if error.status_code == 404 and error.detail == "Not Found":
        return error_response(404, f"nothing is at {request.url.path}: /docs lists what there is")
    if error.status_code == 400:  # FastAPI's word for bytes that are no text
        return error_response(422, f"the body: {error.detail}")
    return error_response(error.status_code, error.detail, error.headers)


def _handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s failed", request.url.path, exc_info=error)
    return error_response(500, "the API failed: its log says why")
