"""Who may write: the bearer of the token or, where none is set, this machine and nobody through it.

Reads are open. A browser on this machine is not to be trusted: without a token a write must also be
JSON, which no page of another origin may send unasked.
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
    """`host` is the address that the server is bound to."""

    host: str = "127.0.0.1"
    token: SecretStr | None = None


async def _require_write_access(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    access: AccessPolicy = request.app.state.access
    if access.token:
        _require_token(access.token, given)
    elif reason := next(_list_objections(request, access), None):
        raise HTTPException(403, f"writing is refused: {reason}; or set CRYPTO_API_TOKEN")
    elif request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "without a token a write needs Content-Type: application/json")


RequireWriteAccess = Depends(_require_write_access)


def _require_token(token: SecretStr, given: HTTPAuthorizationCredentials | None) -> None:
    presented = given.credentials if given else ""
    # In time that tells nothing about how much of it is right.
    if not secrets.compare_digest(presented.encode(), token.get_secret_value().encode()):
        what = "the token is wrong" if given else "a write needs a token"
        raise HTTPException(
            401, f"{what}: send Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
        )


def _list_objections(request: Request, access: AccessPolicy) -> Iterator[str]:
    client = request.client.host if request.client else None
    return list_nonlocal_reasons(
        RequestOrigin(access.host, client, request.url.scheme, request.headers), "API"
    )
