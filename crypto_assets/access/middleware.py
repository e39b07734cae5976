"""The ASGI middleware with which every server finds out who sends a request."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crypto_assets.access.control import AccessControl, TokenRefused, parse_session_cookie
from crypto_assets.access.login import CALLBACK_PATH, LOGIN_PATH
from crypto_assets.access.login_routes import create_login_app
from crypto_assets.access.roles import Caller, Credential, Role
from crypto_assets.access.routes import create_unlock_router
from crypto_assets.access.session_cookie import page_response
from crypto_assets.access.unlock_page import LOCK_PATH, UNLOCK_PATH, build_refresh_page

_STATE_KEY = "caller"
# After which a WebSocket ends at the latest when its session has ended.
SESSION_CHECK_SECONDS = 5.0


class AccessMiddleware:
    """Serves `/unlock`, `/lock` and `/login`, and requires a viewer for all paths but `open_paths`.

    The app finds the caller with `get_caller`, and must require an operator for changes.
    """

    def __init__(
        self, app: ASGIApp, access: AccessControl, open_paths: Collection[str] = ()
    ) -> None:
        self._app, self._access = app, access
        self._open_paths = frozenset(open_paths)
        unlock_router = create_unlock_router(access)
        self._routes: dict[str, ASGIApp] = {UNLOCK_PATH: unlock_router, LOCK_PATH: unlock_router}
        if access.login:
            login_app = create_login_app(access, access.login)
            self._routes |= {LOGIN_PATH: login_app, CALLBACK_PATH: login_app}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and (route := self._routes.get(scope["path"])):
            # With the app around them, they would raise an exception for a wrong method.
            own = {name: value for name, value in scope.items() if name != "app"}
            await route(own, receive, send)
            return
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope.get("client") else ""
        try:
            caller = self._access.find_caller(headers, address)
        except TokenRefused as error:
            await asyncio.sleep(error.delay_seconds)
            await _refuse(_build_token_refusal(error), scope, receive, send)
            return
        if not caller.is_viewer and scope["path"] not in self._open_paths:
            await _refuse(_build_viewer_refusal(scope, headers), scope, receive, send)
            return
        scope.setdefault("state", {})[_STATE_KEY] = caller
        if scope["type"] == "websocket" and caller.credential is Credential.COOKIE:
            cookie = parse_session_cookie(headers.get("cookie", ""))
            connection = _SessionConnection(
                receive, send, lambda: self._access.find_session(cookie).role >= caller.role
            )
            await self._app(scope, connection.receive, connection.send)
            return
        await self._app(scope, receive, send)


class _SessionConnection:
    """A WebSocket that ends with the rights of its session, also while the client sends nothing.

    A session ends when it is locked or expires; the browser then connects again, as a viewer if
    everyone may read. `is_valid` returns whether the session has the rights that it began with.
    """

    def __init__(self, receive: Receive, send: Send, is_valid: Callable[[], bool]) -> None:
        self._receive, self._send, self._is_valid = receive, send, is_valid
        self._is_closed = False
        self._pending: asyncio.Task[Message] | None = None

    async def receive(self) -> Message:
        """Return the next message; a disconnect within seconds after the session has ended."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(_as_coroutine(self._receive()))
        try:
            while not (await asyncio.wait({self._pending}, timeout=SESSION_CHECK_SECONDS))[0]:
                if not self._is_valid():
                    return await self._end()
        except asyncio.CancelledError:
            self._pending.cancel()
            raise
        message, self._pending = self._pending.result(), None
        is_last = message["type"] == "websocket.disconnect"
        return message if is_last or self._is_valid() else await self._end()

    async def send(self, message: Message) -> None:
        """Send a message of the app, unless the session has ended."""
        if self._is_closed:
            return
        self._is_closed = message["type"] == "websocket.close"
        await self._send(message)

    async def _end(self) -> Message:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        await self.send({"type": "websocket.close", "code": 1008, "reason": "the session ended"})
        return {"type": "websocket.disconnect", "code": 1008}


async def _as_coroutine(message: Awaitable[Message]) -> Message:
    return await message


def get_caller(scope: Scope) -> Caller:
    """Return who sends a request; someone without a role if it did not pass AccessMiddleware."""
    caller = scope.get("state", {}).get(_STATE_KEY)
    return caller if isinstance(caller, Caller) else Caller(Role.NONE)


def refusal_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a refusal in words, as JSON."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"detail": detail}, status, headers)


def _build_token_refusal(error: TokenRefused) -> Response:
    if not error.retry_after:
        return refusal_response(401, "the token is wrong: send Authorization: Bearer …")
    wait = str(math.ceil(error.retry_after))
    reason = f"too many wrong tokens from this address (HTTP 429): try again in {wait} s"
    return refusal_response(429, reason, {"Retry-After": wait})


def _build_viewer_refusal(scope: Scope, headers: Headers) -> Response:
    if scope["type"] == "http" and "text/html" in headers.get("accept", ""):
        query = scope["query_string"].decode("latin-1")
        path = quote(scope["path"]) + (f"?{query}" if query else "")
        return page_response(build_refresh_page(path), 401)
    return refusal_response(
        401, "reading requires a token: send Authorization: Bearer …, or open /unlock in a browser"
    )


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # Before the handshake has been accepted, this is the status 403.
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    await response(scope, receive, send)
