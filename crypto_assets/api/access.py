"""Who may write: the bearer of the token or, where none is set, this machine and nobody through it.

Reads are open. A browser on this machine is not to be trusted: any page may make it send requests,
so without a token a write must also be JSON, come from no other origin, and name this machine.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

# Any of these says that somebody else asks through whoever asks us.
_FORWARDING = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
)

_bearer = HTTPBearer(auto_error=False, description="`CRYPTO_API_TOKEN`, if one is set.")


@dataclass(frozen=True)
class Access:
    """`host` is the address that the server is bound to."""

    host: str = "127.0.0.1"
    token: SecretStr | None = None


async def _require_write(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    access: Access = request.app.state.access
    if access.token:
        _require_token(access.token, given)
    elif reason := next(_objections(request, access), None):
        raise HTTPException(403, f"writing is refused: {reason}; or set CRYPTO_API_TOKEN")
    elif request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "without a token a write needs Content-Type: application/json")


MayWrite = Depends(_require_write)


def _require_token(token: SecretStr, given: HTTPAuthorizationCredentials | None) -> None:
    presented = given.credentials if given else ""
    # In time that tells nothing about how much of it is right.
    if not secrets.compare_digest(presented.encode(), token.get_secret_value().encode()):
        what = "the token is wrong" if given else "a write needs a token"
        raise HTTPException(
            401, f"{what}: send Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
        )


def _objections(request: Request, access: Access) -> Iterator[str]:
    if not _is_loopback(access.host):
        yield f"this API listens on {access.host}, not on this machine alone"
    if not (request.client and _is_loopback(request.client.host)):
        yield "it was asked from another machine"
    if header := next((name for name in _FORWARDING if name in request.headers), None):
        yield f"it was asked through a proxy ({header})"
    host = request.headers.get("host", "")
    if not _is_loopback(urlsplit(f"//{host}").hostname or ""):
        yield "it was asked by another machine's name"
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        yield "it was asked by a page of another origin"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
