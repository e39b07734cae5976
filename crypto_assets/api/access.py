"""Write access: the operator's token, or the session of an operator's browser.

A browser sends its session with requests that other pages caused, too. So a write by session must
come from a page of this server, and have the content type JSON, which a browser does not send to
another origin without a preflight request.
"""

from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from crypto_assets.access import (
    AccessControl,
    Caller,
    Credential,
    get_caller,
)
from crypto_assets.warehouse.catalog.app_settings import Author

# It describes the token in the OpenAPI document; AccessMiddleware has checked it.
_bearer = HTTPBearer(auto_error=False, description="The operator token.")


async def _require_write_access(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Author:
    """Return who writes, for the change log."""
    caller = get_caller(request.scope)
    if not caller.is_operator:
        raise _build_refusal(caller, request.app.state.access)
    if caller.credential is Credential.COOKIE:
        _require_own_page(request)
    name = f"{caller.name} in the API" if caller.name else "the API"
    return Author(name, caller.address)


RequireWriteAccess = Depends(_require_write_access)
AuthorDep = Annotated[Author, RequireWriteAccess]


def _build_refusal(caller: Caller, access: AccessControl) -> HTTPException:
    if not access.can_unlock:
        return HTTPException(
            403, "writes are not allowed: this server has no token, set CRYPTO_OPERATOR_TOKEN"
        )
    if caller.credential is not Credential.NONE:
        return HTTPException(403, "a viewer may not write: use the operator token")
    return HTTPException(
        401,
        "a write requires the operator token: send Authorization: Bearer …",
        {"WWW-Authenticate": "Bearer"},
    )


def _require_own_page(request: Request) -> None:
    access: AccessControl = request.app.state.access
    if not access.is_own_page(request.headers, request.url.scheme):
        raise HTTPException(
            403,
            "a write with a browser's session must come from a page of this server: "
            "programs send Authorization: Bearer …",
        )
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(
            415, "a write with a browser's session requires Content-Type: application/json"
        )
