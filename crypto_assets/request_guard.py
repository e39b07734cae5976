"""Refuses requests that a browser sends for another site, and adds the security headers.

One ASGI middleware for the app, the API and Dagster's webserver. A browser can send requests to
this machine on behalf of any page that it shows, so reaching a port says nothing about who asks.
The guard refuses

- a request without exactly one valid Host header that names this server, so that no foreign name
  can be resolved to this machine (DNS rebinding),
- a change or a WebSocket of another origin, by the Origin and Sec-Fetch-Site headers,
- where `isolated` is set, also a read by a page of another origin, except a link to a page, and a
  change even if it has a token.

Programs that are no browsers send neither of the two headers; they need a token for changes.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crypto_assets.loopback import is_loopback
from crypto_assets.request_origins import RequestSource, list_origins
from crypto_assets.settings import Settings

_log = logging.getLogger(__name__)

# The headers of a response whose content is no page.
API_CSP: Mapping[str, str] = {"default-src": "'none'", "form-action": "'self'"}

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::[0-9]{1,5})?")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Applied to every response, whatever the application sets.
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Replaced by the headers above.
_DROPPED = frozenset({*_HEADERS, b"feature-policy", b"server"})
_CSP = b"content-security-policy"
# Directives of every page, which no page of the three servers needs otherwise.
_COMMON_CSP = {
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}
_MAX_LOGGED = 200


@dataclass(frozen=True)
class GuardPolicy:
    """What a server accepts, and the Content-Security-Policy of its pages.

    `hosts` are names in the Host header besides `localhost` and IP addresses. `origins` count as
    the server's own, for a proxy that changes the Host header. `page_csp` replaces `csp` for the
    pages of a path.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    isolated: bool = True
    csp: Mapping[str, str] = field(default_factory=lambda: API_CSP)
    page_csp: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """The status of a refused request, and the reason with the fix."""

    status: int
    reason: str


class RequestGuardMiddleware:
    """Middleware that applies a GuardPolicy; it must be the outermost one."""

    def __init__(self, app: ASGIApp, policy: GuardPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                self._change_headers(scope, message)
            await send(message)

        if refusal := find_refusal(scope, self._policy):
            _log_refusal(scope, refusal)
            await send_refusal(scope, send_with_headers, refusal)
            return
        await self._app(scope, receive, send_with_headers)

    def _change_headers(self, scope: Scope, message: MutableMapping[str, Any]) -> None:
        sent = [(name.lower(), value) for name, value in message.get("headers", ())]
        csp = _merge_csp(
            [value.decode("latin-1") for name, value in sent if name == _CSP],
            self._policy.page_csp.get(scope["path"], self._policy.csp),
        )
        kept = [
            (name, _make_local(scope, value) if name == b"location" else value)
            for name, value in sent
            if name not in _DROPPED and name != _CSP
        ]
        message["headers"] = [*kept, *_HEADERS.items(), (_CSP, csp.encode("latin-1"))]


async def send_refusal(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Send a refusal as JSON with a `detail`, also in answer to the handshake of a WebSocket."""
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http.response"
    body = json.dumps({"detail": refusal.reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": f"{kind}.start", "status": refusal.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def find_refusal(scope: Scope, policy: GuardPolicy) -> Refusal | None:
    """Return why a request is refused; None if it is not."""
    headers = _group_headers(scope)
    hosts = headers.get("host", [])
    if len(hosts) != 1:
        return Refusal(400, "a request needs exactly one Host header")
    host = parse_host(hosts[0])
    if host is None:
        return Refusal(400, "the Host header is malformed")
    if not _is_known_host(host, policy):
        return Refusal(
            403,
            f"the host {host[:_MAX_LOGGED]} is not allowed: "
            "if it is a name of this server, add it to CRYPTO_ALLOWED_HOSTS",
        )
    is_read = scope["type"] == "http" and scope["method"] in SAFE_METHODS
    if is_read and (not policy.isolated or _is_navigation(headers)):
        return None
    if not policy.isolated and _has_token(headers):
        return None
    source = RequestSource(
        headers.get("sec-fetch-site", []),
        headers.get("origin", []),
        hosts[0],
        scope.get("scheme", "http"),
    )
    if source.is_own(policy.origins):
        return None
    what = "a read" if is_read else "a WebSocket" if scope["type"] == "websocket" else "a change"
    return Refusal(
        403,
        f"{what} by a page of another origin is not allowed: "
        "it must come from a page of this server",
    )


def parse_host(host: str) -> str | None:
    """Return the name in a Host header in lower case, without port; None if it is malformed."""
    found = _HOST.fullmatch(host)
    if not found:
        return None
    name = found["name"].lower()
    if name.startswith("["):
        try:
            ip_address(name[1:-1])
        except ValueError:
            return None
    return name


def build_guard_policy(
    settings: Settings,
    link_url: str = "",
    *,
    csp: Mapping[str, str] | None = None,
    page_csp: Mapping[str, Mapping[str, str]] | None = None,
    isolated: bool = True,
) -> GuardPolicy:
    """Build the policy of a server; `link_url` is its address in links, whose origin is its own.

    Names of the server are the hosts of all links, and those in CRYPTO_ALLOWED_HOSTS.
    """
    links = (settings.app_link_url, settings.dagster_link_url, settings.dagster_url)
    hosts = {urlsplit(link).hostname or "" for link in links} | set(settings.allowed_hosts)
    return GuardPolicy(
        hosts=frozenset(hosts - {""}),
        origins=list_origins([link_url]),
        isolated=isolated,
        csp=csp or API_CSP,
        page_csp=page_csp or {},
    )


def _group_headers(scope: Scope) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        grouped.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return grouped


def _is_known_host(name: str, policy: GuardPolicy) -> bool:
    """Whether a name is that of this server. An IP address cannot be another site's name."""
    if is_loopback(name) or name in policy.hosts:
        return True
    try:
        return not ip_address(name.strip("[]")).is_unspecified
    except ValueError:
        return False


def _is_navigation(headers: Mapping[str, list[str]]) -> bool:
    """Whether a browser opens a page in a tab, which the page that has the link cannot read."""
    return headers.get("sec-fetch-mode") == ["navigate"] and headers.get("sec-fetch-dest") == [
        "document"
    ]


def _has_token(headers: Mapping[str, list[str]]) -> bool:
    """Whether the request has a token, which no browser adds to a request of another page."""
    return any(one.lower().startswith("bearer ") for one in headers.get("authorization", []))


def _merge_csp(sent: Iterable[str], policy: Mapping[str, str]) -> str:
    """Return the policy that the application sent, tightened by `policy`, or `policy` alone.

    Where the application sets a default for all kinds, more directives could loosen it.
    """
    directives: dict[str, str] = {}
    for part in (part.strip() for text in sent for part in text.split(";")):
        name, _, value = part.partition(" ")
        if name:
            directives.setdefault(name.lower(), value.strip())
    if "default-src" not in directives:
        directives = {**policy, **directives}
    directives = {**_COMMON_CSP, **directives, "frame-ancestors": _COMMON_CSP["frame-ancestors"]}
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


def _make_local(scope: Scope, location: bytes) -> bytes:
    """Return the path of a redirect to this server, whose scheme may be another one for a client.

    Starlette builds such a redirect from the Host header.
    """
    host = _group_headers(scope)["host"][0].encode("latin-1")
    for scheme in (b"http", b"https"):
        own = scheme + b"://" + host
        if location.startswith(own + b"/"):
            return location.removeprefix(own)
    return location


def _log_refusal(scope: Scope, refusal: Refusal) -> None:
    client = scope.get("client")
    _log.warning(
        "refused %s %.200r from %s: %s",
        scope.get("method", "WebSocket"),
        scope["path"],
        client[0] if client else "an unknown address",
        refusal.reason,
    )
