"""Write access: requests with the token or, if no token is set, requests from this machine.

Reads are open. Without a token, a write must also have the content type JSON, which a browser does
not send to another origin without a preflight request.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from crypto_assets.loopback import RequestOrigin, list_nonlocal_reasons

_bearer = HTTPBearer(auto_error=False, description="`CRYPTO_API_TOKEN`, if one is set.")


@dataclass(frozen=True)
class AccessPolicy:
    """The token that writes need, if any, and the address to which the server is bound."""

    host: str = "127.0.0.1"
    token: SecretStr | None = None


async def _require_write_access(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    access: AccessPolicy = request.app.state.access
    if access.token:
        _require_token(access.token, credentials)
    elif reason := next(_list_nonlocal_reasons(request, access), None):
        raise HTTPException(403, f"writes are not allowed: {reason}; or set CRYPTO_API_TOKEN")
    elif request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "a write without a token requires Content-Type: application/json")


RequireWriteAccess = Depends(_require_write_access)


def _require_token(token: SecretStr, credentials: HTTPAuthorizationCredentials | None) -> None:
    presented = credentials.credentials if credentials else ""
    # Constant time, so that the duration does not reveal a correct prefix.
    if not secrets.compare_digest(presented.encode(), token.get_secret_value().encode()):
        problem = "the token is wrong" if credentials else "a write requires a token"
        raise HTTPException(
            401, f"{problem}: send Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
        )


def _list_nonlocal_reasons(request: Request, access: AccessPolicy) -> Iterator[str]:
    client = request.client.host if request.client else None
    return list_nonlocal_reasons(
        RequestOrigin(access.host, client, request.url.scheme, request.headers), "API"
    )
