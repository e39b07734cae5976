"""Requests that a browser sends for another site are refused, and every response has headers."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from crypto_assets.http_server import serve_in_thread
from crypto_assets.request_guard import (
    GuardPolicy,
    RequestGuardMiddleware,
    build_guard_policy,
    find_refusal,
    parse_host,
)
from crypto_assets.settings import Settings

POLICY = GuardPolicy(
    hosts=frozenset({"charts.example"}), origins=frozenset({"https://charts.example:8443"})
)


async def serve(request: Request) -> Response:
    if request.url.path == "/fails":
        raise RuntimeError("planned")
    if request.url.path == "/moved":
        return RedirectResponse(request.url.replace(path="/new"))
    if request.url.path == "/elsewhere":
        return RedirectResponse("https://login.example/start")
    if request.url.path == "/page":
        csp = "script-src 'nonce-1'; frame-ancestors *"
        return Response(headers={"Content-Security-Policy": csp, "Server": "uvicorn"})
    return JSONResponse({"method": request.method})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("open")
    await websocket.close()


ROUTES = [
    WebSocketRoute("/stream", echo),
    Route("/{path:path}", serve, methods=["GET", "POST"]),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    guarded = RequestGuardMiddleware(Starlette(routes=ROUTES), POLICY)
    with serve_in_thread(guarded, websockets=True) as url:
        yield url


def read(url: str, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
    return requests.get(f"{url}{path}", headers=headers, timeout=10, allow_redirects=False)


def find_status(
    headers: Iterable[tuple[str, str]],
    method: str = "GET",
    policy: GuardPolicy = POLICY,
    kind: str = "http",
) -> int:
    """Return the status of a refusal, 200 for a request that is passed on."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    refusal = find_refusal({"type": kind, "method": method, "path": "/", "headers": raw}, policy)
    return refusal.status if refusal else 200


def with_host(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [("Host", "127.0.0.1:3000"), *headers.items()]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:3000", "LOCALHOST:3000", "127.0.0.1", "127.0.0.1:3000"),
        *("127.3.2.1", "[::1]:3000", "192.0.2.7:8501", "[2001:db8::7]", "charts.example:8443"),
    ],
)
def test_own_hosts_are_served(host: str) -> None:
    assert find_status([("Host", host)]) == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("charts.example.evil.example", 403),
        # Other spellings of 127.0.0.1, which a name server might be asked for.
        ("127.1", 403),
        ("0x7f000001", 403),
        ("2130706433", 403),
        ("0.0.0.0:3000", 403),
        ("evil@127.0.0.1", 400),
        ("127.0.0.1:3000@evil.example", 400),
        ("127.0.0.1/evil", 400),
        ("127.0.0.1 evil", 400),
        ("[::1", 400),
        ("[::z]", 400),
        ("127.0.0.1:port", 400),
        ("", 400),
    ],
)
def test_other_hosts_are_refused(host: str, status: int) -> None:
    assert find_status([("Host", host)]) == status


def test_a_request_has_one_host() -> None:
    assert find_status([]) == 400
    assert find_status([("Host", "127.0.0.1:3000"), ("Host", "127.0.0.1:3000")]) == 400


def test_a_refusal_says_how_to_allow_a_host(url: str) -> None:
    answer = requests.get(url, headers={"Host": "desk.example"}, timeout=10)
    assert answer.status_code == 403
    assert answer.json() == {
        "detail": "the host desk.example is not allowed: "
        "if it is a name of this server, add it to CRYPTO_ALLOWED_HOSTS"
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin"},
        # The proxy in front has TLS.
        {"Origin": "https://127.0.0.1:3000"},
        # The proxy in front has changed the Host header.
        {"Origin": "https://charts.example:8443", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        # A page with the referrer policy no-referrer.
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_own_changes_are_served(headers: Mapping[str, str]) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert find_status(with_host(headers), method) == 200


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:8501"},
    {"Origin": "http://127.0.0.1:3000.evil.example"},
    {"Origin": "file://127.0.0.1:3000"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "none"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_changes_and_websockets_of_other_origins_are_refused(headers: Mapping[str, str]) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
        assert find_status(with_host(headers), method) == 403
    assert find_status(with_host(headers), kind="websocket") == 403


def test_a_websocket_of_another_origin_is_refused_before_the_application(url: str) -> None:
    address = f"{url.replace('http', 'ws', 1)}/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin="http://evil.example", proxy=None)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    with connect(address, origin=url, proxy=None) as stream:  # type: ignore[arg-type]
        assert stream.recv() == "open"


IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
FRAME = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FORM = {**LINK, "Origin": "http://evil.example"}


def test_other_sites_may_only_link_to_an_isolated_server() -> None:
    assert find_status(with_host(LINK)) == 200
    assert find_status(with_host(IMAGE)) == 403
    assert find_status(with_host(FRAME)) == 403
    assert find_status(with_host(FORM), "POST") == 403


def test_reads_of_a_server_that_is_not_isolated_are_left_to_cors() -> None:
    policy = GuardPolicy(isolated=False)
    assert find_status(with_host(IMAGE), policy=policy) == 200
    preflight = with_host({"Origin": "http://evil.example"})
    assert find_status(preflight, "OPTIONS", policy) == 200
    assert find_status(with_host(FORM), "POST", policy) == 403
    token = {**FORM, "Authorization": "Bearer x"}
    assert find_status(with_host(token), "POST", policy) == 200
    assert find_status(with_host(token), "POST") == 403


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 200),
        ("/fails", {}, 500),
        ("/", {"Host": "evil.example"}, 403),
        ("/moved", {}, 307),
        ("/page", {}, 200),
    ],
)
def test_every_response_has_the_headers(
    url: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    answer = read(url, path, headers)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors *" not in answer.headers["content-security-policy"]
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers


def test_the_policy_of_a_page_is_only_tightened(url: str) -> None:
    sent = read(url, "/page").headers["content-security-policy"].split("; ")
    assert "script-src 'nonce-1'" in sent
    assert "default-src 'none'" in sent


def test_redirects_within_the_server_name_no_host(url: str) -> None:
    assert read(url, "/moved").headers["location"] == "/new"
    assert read(url, "/elsewhere").headers["location"] == "https://login.example/start"


def test_the_policy_of_a_server_knows_the_names_in_its_settings() -> None:
    settings = Settings(
        app_link_url="https://charts.example/app",
        dagster_link_url="https://dagster.example",
        dagster_url="http://webserver:3000",
        allowed_hosts=("Desk.Example",),
        home=Path("/nonexistent"),
    )
    policy = build_guard_policy(settings, settings.app_link_url)
    assert policy.hosts == {"charts.example", "dagster.example", "webserver", "desk.example"}
    assert policy.origins == {"https://charts.example"}


def test_hosts_are_parsed_without_their_port() -> None:
    assert parse_host("Charts.Example:8443") == "charts.example"
    assert parse_host("[2001:DB8::7]:80") == "[2001:db8::7]"
    assert parse_host("a" * 300 + "!") is None
