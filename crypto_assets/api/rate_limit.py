"""Rate limit: requests per minute and address, with bursts of a few seconds' worth."""

import math
import time
from collections.abc import Callable
from threading import Lock

from starlette.types import ASGIApp, Receive, Scope, Send

from crypto_assets.api.error_handlers import error_response
from crypto_assets.client_address import group_client_address

# The default limit of one client address.
REQUESTS_PER_MINUTE = 600
# Health probes are not limited, because their results are cached for some seconds.
_UNLIMITED_PATH_PREFIX = "/health"
_BURST_SECONDS = 15
_MAX_CLIENTS = 10_000


class RequestAllowance:
    """A token bucket per client, stored as the time at which the bucket is full again.

    `clock` is in seconds. Thread-safe.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._step = 60 / per_minute
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._lock = Lock()

    def reserve_request(self, client: str) -> float:
        """Count a request; return the seconds to wait if it exceeds the limit, else 0."""
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(client, now))
            if full_at - now > _BURST_SECONDS:
                return full_at - now - _BURST_SECONDS
            self._full_at[client] = full_at + self._step
            if len(self._full_at) > _MAX_CLIENTS:
                self._drop_idle_clients(now)
            return 0

    def _drop_idle_clients(self, now: float) -> None:
        """Forget clients with a full bucket; if too many remain, those with the fullest buckets."""
        active = sorted((at, client) for client, at in self._full_at.items() if at > now)
        self._full_at = {client: at for at, client in active[-_MAX_CLIENTS // 2 :]}


class RateLimitMiddleware:
    """Middleware that returns 429 with Retry-After to clients over their limit."""

    def __init__(self, app: ASGIApp, allowance: RequestAllowance) -> None:
        self._app = app
        self._allowance = allowance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNLIMITED_PATH_PREFIX):
            await self._app(scope, receive, send)
            return
        client = group_client_address(scope["client"][0]) if scope.get("client") else ""
        seconds = self._allowance.reserve_request(client)
        if not seconds:
            await self._app(scope, receive, send)
            return
        wait = str(math.ceil(seconds))
        reason = f"more than {self._allowance.per_minute} requests a minute: wait {wait} s"
        await error_response(429, reason, {"Retry-After": wait})(scope, receive, send)
