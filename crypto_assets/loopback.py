"""This machine alone: whether what asks for a change comes from here, and nobody stands behind it.

A browser on this machine is not to be trusted, since any page may make it send requests: so what is
asked must come from no other origin, and name this machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

# Any of these says that somebody else asks through whoever asks us.
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
    """By the address `client` (None where that is not known), of a server bound to `bound_to`.

    `headers` find a name in lower case.
    """

    bound_to: str
    client: str | None
    scheme: str
    headers: Mapping[str, str]


def list_nonlocal_reasons(asked: RequestOrigin, server: str) -> Iterator[str]:
    """Why this machine alone did not ask; `server` is a word for what was asked, as "API"."""
    if not is_loopback(asked.bound_to):
        yield f"this {server} listens on {asked.bound_to}, not on this machine alone"
    if not (asked.client and is_loopback(asked.client)):
        yield "it was asked from another machine"
    if header := next((name for name in _FORWARDING_HEADERS if name in asked.headers), None):
        yield f"it was asked through a proxy ({header})"
    host = asked.headers.get("host", "")
    if not is_loopback(_parse_hostname(host)):
        yield "it was asked by another machine's name"
    origin = asked.headers.get("origin")
    if origin is not None and origin != f"{asked.scheme}://{host}":
        yield "it was asked by a page of another origin"


def _parse_hostname(host: str) -> str:
    """Of a Host header, without its port; nothing where it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
