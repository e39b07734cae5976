"""A simple rate limit: so many requests a minute from one address, a few seconds' worth at once."""

import math
import time
from collections.abc import Callable
from threading import Lock

from starlette.types import ASGIApp, Receive, Scope, Send

from crypto_assets.api.error_handlers import error_response

# A probe may come as often as it likes: what it asks for is remembered for some seconds.
_UNLIMITED_PATH_PREFIX = "/health"
_BURST_SECONDS = 15
_MAX_CLIENTS = 10_000


class RequestAllowance:
    """Per client one number: when what it has asked for so far would be paid off, evenly spread.

    `clock` is in seconds. Safe for many threads.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._step = 60 / per_minute
        self._clock = clock
        self._paid_off: dict[str, float] = {}
        self._lock = Lock()

    def reserve_request(self, client: str) -> float:
        """Seconds for which the client must wait; 0 where the request is taken."""
        with self._lock:
            now = self._clock()
            owed = max(now, self._paid_off.get(client, now))
            if owed - now > _BURST_SECONDS:
                return owed - now - _BURST_SECONDS
            self._paid_off[client] = owed + self._step
            if len(self._paid_off) > _MAX_CLIENTS:
                self._drop_paid_off_clients(now)
            return 0

    def _drop_paid_off_clients(self, now: float) -> None:
        """Those that owe nothing; of too many that do, the ones that owe least."""
        owing = sorted((at, client) for client, at in self._paid_off.items() if at > now)
        self._paid_off = {client: at for at, client in owing[-_MAX_CLIENTS // 2 :]}


class RateLimitMiddleware:
    """Middleware that answers 429 with Retry-After."""

    def __init__(self, app: ASGIApp, allowance: RequestAllowance) -> None:
        self._app = app
        self._allowance = allowance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNLIMITED_PATH_PREFIX):
            await self._app(scope, receive, send)
            return
        client = scope["client"][0] if scope.get("client") else ""
        seconds = self._allowance.reserve_request(client)
        if not seconds:
            await self._app(scope, receive, send)
            return
        wait = str(math.ceil(seconds))
        reason = f"more than {self._allowance.per_minute} requests a minute: wait {wait} s"
        await error_response(429, reason, {"Retry-After": wait})(scope, receive, send)
