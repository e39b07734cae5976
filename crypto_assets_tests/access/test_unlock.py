"""`/unlock`, `/lock`, and what the middleware passes on."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Message, Receive, Scope, Send

from crypto_assets.access import AccessControl, AccessMiddleware, Role, SpentIds, middleware
from crypto_assets.http_server import serve_in_thread
from crypto_assets_tests.access.serving import (
    OPERATOR_TOKEN,
    VIEWER_TOKEN,
    Browser,
    serve_role_app,
    show_role,
)

EVIL = "https://evil.example"


@pytest.fixture
def access() -> AccessControl:
    return AccessControl(SecretStr(OPERATOR_TOKEN))


@pytest.fixture
def browser(access: AccessControl) -> Iterator[Browser]:
    with serve_role_app(access) as browser:
        yield browser


@pytest.fixture
def private() -> Iterator[Browser]:
    """A server that needs a token for reading."""
    with serve_role_app(
        AccessControl(SecretStr(OPERATOR_TOKEN), SecretStr(VIEWER_TOKEN))
    ) as browser:
        yield browser


def test_a_link_unlocks_one_browser(access: AccessControl, browser: Browser) -> None:
    link = access.create_unlock_link("")
    assert browser.read_role() == "VIEWER"
    answer = browser.get(link)
    assert answer.status_code == 303 and answer.headers["Location"] == "/"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    attributes = answer.headers["Set-Cookie"].split("; ")[1:]
    assert sorted(attributes) == ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=strict"]
    assert browser.read_role() == "OPERATOR"
    # The same browser may follow it again, another one may not.
    assert browser.get(link).status_code == 303
    other = Browser(browser.url)
    answer = other.get(link)
    assert answer.status_code == 403 and "has been used or has expired" in answer.text
    assert not other.session.cookies


@pytest.mark.parametrize(
    ("headers", "public", "is_secure"),
    [
        ({}, "", False),
        # A proxy that is not in CRYPTO_TRUSTED_PROXIES: the page of the form, or the address of
        # the app in the settings, shows that the browser uses HTTPS.
        ({"Origin": "https://candles.example"}, "", True),
        ({}, "https://candles.example", True),
        ({}, "https://other.example", False),
        ({}, "http://candles.example", False),
    ],
)
def test_over_https_the_cookie_is_secure(
    headers: dict[str, str], public: str, is_secure: bool
) -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN), public_origins=[public] if public else [])
    with serve_role_app(access) as browser:
        answer = requests.post(
            f"{browser.url}/unlock",
            data={"token": OPERATOR_TOKEN},
            headers={"Host": "candles.example", **headers},
            allow_redirects=False,
            timeout=30,
        )
    assert answer.status_code == 303
    assert ("Secure" in answer.headers["Set-Cookie"].split("; ")) == is_secure


def test_a_link_that_cannot_be_marked_as_used_unlocks_nothing() -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN), spent_ids=SpentIds(Path("/proc/1/nowhere")))
    with serve_role_app(access) as browser:
        answer = browser.get(access.create_unlock_link(""))
        assert answer.status_code == 503 and "cannot be marked as used" in answer.text
        assert browser.read_role() == "VIEWER"
        assert browser.post("/unlock", {"token": OPERATOR_TOKEN}).status_code == 303


def test_loading_a_link_in_advance_does_not_use_it(access: AccessControl, browser: Browser) -> None:
    link = access.create_unlock_link("")
    for answer in (
        requests.head(browser.url + link, timeout=9),
        browser.get(link, Sec_Purpose="prefetch"),
    ):
        assert answer.status_code == 503
    assert browser.get(link).status_code == 303


def test_the_form_takes_the_token(browser: Browser) -> None:
    page = browser.get("/unlock?next=/settings")
    assert 'action="/unlock"' in page.text and 'value="/settings"' in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    answer = browser.post("/unlock", {"token": f" {OPERATOR_TOKEN}\n", "next": "/settings"})
    assert answer.status_code == 303 and answer.headers["Location"] == "/settings"
    assert browser.read_role() == "OPERATOR"
    assert "may change things" in browser.get("/unlock").text


def test_a_wrong_token_is_refused_in_words(browser: Browser) -> None:
    for _ in range(2):
        answer = browser.post("/unlock", {"token": "guess<b>", "next": "/a"})
        assert answer.status_code == 401 and "The token is wrong." in answer.text
        assert "guess" not in answer.text and not browser.session.cookies


def test_guesses_end_in_429(access: AccessControl, browser: Browser) -> None:
    for _ in range(8):
        access._brake.record_failure("127.0.0.1")
    answer = browser.post("/unlock", {"token": OPERATOR_TOKEN})
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 250
    answer = browser.get("/role", Authorization=f"Bearer {OPERATOR_TOKEN}")
    assert answer.status_code == 429 and "too many wrong tokens" in answer.json()["detail"]
    # A session is not a guess.
    browser.get(access.create_unlock_link(""))
    assert browser.read_role() == "OPERATOR"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": EVIL, "Sec_Fetch_Site": "same-origin"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
    ],
)
def test_forms_of_other_origins_are_refused(
    access: AccessControl, browser: Browser, headers: dict[str, str]
) -> None:
    answer = browser.post("/unlock", {"token": OPERATOR_TOKEN}, **headers)
    assert answer.status_code == 403 and "Set-Cookie" not in answer.headers
    browser.get(access.create_unlock_link(""))
    assert browser.post("/lock", {}, **headers).status_code == 403
    assert browser.read_role() == "OPERATOR"


def test_a_proxy_may_replace_the_host_of_a_known_address() -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN), public_origins=["https://candles.example"])
    with serve_role_app(access) as browser:
        for origin, status in (("https://candles.example", 303), ("http://candles.example", 403)):
            answer = browser.post("/unlock", {"token": OPERATOR_TOKEN}, Origin=origin)
            assert answer.status_code == status


def test_a_form_that_is_too_large_has_no_token(browser: Browser) -> None:
    form = {"filler": "x" * 5000, "token": OPERATOR_TOKEN}
    assert browser.post("/unlock", form).status_code == 401


def test_a_form_with_too_many_fields_has_no_token(browser: Browser) -> None:
    form = {**{f"filler{n}": "x" for n in range(10)}, "token": OPERATOR_TOKEN}
    assert browser.post("/unlock", form).status_code == 401


def test_lock_ends_the_session(access: AccessControl, browser: Browser) -> None:
    browser.get(access.create_unlock_link(""))
    cookie = browser.get_cookie()
    answer = browser.post("/lock", {})
    assert answer.status_code == 303 and answer.headers["Location"] == "/"
    assert not browser.session.cookies and browser.read_role() == "VIEWER"
    assert Browser(browser.url).read_role(Cookie=f"crypto_session={cookie}") == "VIEWER"


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\/evil", "/\t/evil", "x", ""],
)
def test_redirects_stay_on_the_server(access: AccessControl, browser: Browser, path: str) -> None:
    answer = browser.post("/unlock", {"token": OPERATOR_TOKEN, "next": path})
    assert answer.headers["Location"] == "/"


def test_a_token_in_the_header(browser: Browser) -> None:
    assert browser.read_role(Authorization=f"Bearer {OPERATOR_TOKEN}") == "OPERATOR"
    answer = browser.get("/role", Authorization="Bearer wrong")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert "the token is wrong" in answer.json()["detail"]


def test_reading_needs_a_token_if_one_is_set(private: Browser) -> None:
    answer = private.get("/role", Host="127.0.0.1", X_Forwarded_For="127.0.0.1")
    assert answer.status_code == 401 and "reading requires a token" in answer.json()["detail"]
    assert private.get("/open").json()["role"] == "NONE"
    assert private.read_role(Authorization=f"Bearer {VIEWER_TOKEN}") == "VIEWER"
    private.post("/unlock", {"token": VIEWER_TOKEN})
    assert private.read_role() == "VIEWER"
    # A viewer may become an operator.
    assert 'name="token"' in private.get("/unlock").text
    private.post("/unlock", {"token": OPERATOR_TOKEN})
    assert private.read_role() == "OPERATOR"


def test_pages_lead_to_the_form_and_back(private: Browser) -> None:
    answer = private.get("/a b?x=1&y=%22%3E", Accept="text/html")
    assert answer.status_code == 401
    assert "/unlock?next=%2Fa%2520b%3Fx%3D1%26y%3D%2522%253E&amp;reading=1" in answer.text
    target = "/unlock?next=%2Fa%2520b%3Fx%3D1&reading=1"
    assert private.get(target).status_code == 200
    # The browser has a session, but did not send it along from another site.
    private.post("/unlock", {"token": VIEWER_TOKEN})
    answer = private.get(target)
    assert answer.status_code == 303 and answer.headers["Location"] == "/a%20b?x=1"


def test_websockets_need_a_viewer() -> None:
    access = AccessControl(SecretStr(OPERATOR_TOKEN), SecretStr(VIEWER_TOKEN))
    app = AccessMiddleware(show_role, access)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    cookie = f"crypto_session={access.create_session(Role.VIEWER)}".encode()
    for headers in ([], [(b"cookie", cookie)], [(b"authorization", b"Bearer wrong")]):
        asyncio.run(app({"type": "websocket", "path": "/", "headers": headers}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"] * 2


def test_a_wrong_method_is_refused_within_another_app() -> None:
    """Starlette and FastAPI name themselves in the scope, and expect exceptions of routes."""
    app = Starlette(
        middleware=[Middleware(AccessMiddleware, AccessControl(SecretStr(OPERATOR_TOKEN)))]
    )
    with serve_in_thread(app) as url:
        for method, path in (("OPTIONS", "/unlock"), ("DELETE", "/unlock"), ("GET", "/lock")):
            assert requests.request(method, url + path, timeout=10).status_code == 405


@pytest.mark.parametrize("viewer_token", [VIEWER_TOKEN, None])
def test_a_websocket_ends_with_the_session(viewer_token: str | None) -> None:
    """An open tab, and a copy of its cookie, read nothing more when the session is locked."""
    access = AccessControl(
        SecretStr(OPERATOR_TOKEN), SecretStr(viewer_token) if viewer_token else None
    )
    session = access.create_session(Role.VIEWER)
    received: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.append((await receive())["type"])
        access.end_session(session)
        received.append((await receive())["type"])

    async def receive() -> Message:
        return {"type": "websocket.receive", "text": "show the page"}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    sent: list[str] = []
    cookie = f"crypto_session={session}".encode()
    scope = {"type": "websocket", "path": "/", "headers": [(b"cookie", cookie)]}
    asyncio.run(AccessMiddleware(app, access)(scope, receive, send))
    # Without a viewer's token, everyone may read.
    last = "websocket.disconnect" if viewer_token else "websocket.receive"
    assert received == ["websocket.receive", last]
    assert sent == (["websocket.close"] if viewer_token else [])


@pytest.mark.parametrize("ends_by", ["lock", "expiry"])
def test_a_quiet_websocket_ends_with_the_session(
    ends_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscription gets no more events, although its client sends nothing, ever."""
    monkeypatch.setattr(middleware, "SESSION_CHECK_SECONDS", 0.01)
    access = AccessControl(SecretStr(OPERATOR_TOKEN))
    session = access.create_session(Role.OPERATOR)
    received: list[str] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.send", "text": "an event"})
        received.append((await receive())["type"])
        # What the app sends before it has heard of the end.
        await send({"type": "websocket.send", "text": "another event"})

    async def receive() -> Message:
        if ends_by == "lock":
            access.end_session(session)
        else:
            now = time.time()
            monkeypatch.setattr(time, "time", lambda: now + 30 * 86_400 + 5)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    cookie = f"crypto_session={session}".encode()
    scope = {"type": "websocket", "path": "/", "headers": [(b"cookie", cookie)]}
    asyncio.run(asyncio.wait_for(AccessMiddleware(app, access)(scope, receive, send), 10))
    assert received == ["websocket.disconnect"]
    assert [one["type"] for one in sent] == ["websocket.send", "websocket.close"]
