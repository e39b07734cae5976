"""Checks that a request comes from this machine only, and not through a proxy.

A browser on this machine is not trusted, since any page can make it send requests. A request must
therefore not come from another origin, and its Host header must name this machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

# Each of these headers shows that a proxy forwarded the request.
_FORWARDING_HEADERS = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
)


@dataclass(frozen=True)
class RequestOrigin:
    """A request from `client` (None if unknown) to a server bound to the address `bound_to`.

    `headers` has lower-case names.
    """

    bound_to: str
    client: str | None
    scheme: str
    headers: Mapping[str, str]


def list_nonlocal_reasons(request: RequestOrigin, server: str) -> Iterator[str]:
    """List the reasons why a request is not local; `server` is its name in them, such as "API"."""
    if not is_loopback(request.bound_to):
        yield f"this {server} listens on {request.bound_to}, not on this machine alone"
    if not (request.client and is_loopback(request.client)):
        yield "the request came from another machine"
    if header := next((name for name in _FORWARDING_HEADERS if name in request.headers), None):
        yield f"the request came through a proxy ({header})"
    host = request.headers.get("host", "")
    if not is_loopback(_parse_hostname(host)):
        yield "the request's Host header is not this machine"
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.scheme}://{host}":
        yield "the request came from a page of another origin"


def _parse_hostname(host: str) -> str:
    """Return the host of a Host header without its port; "" if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host is `localhost` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
