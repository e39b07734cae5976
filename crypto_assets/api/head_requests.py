"""HEAD, answered as GET is: the server sends the headers of that answer and keeps its body."""

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadAsGetMiddleware:
    """Middleware for routes that know GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # A copy: the server goes by its own scope when it leaves the body away.
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send)
        finally:
            scope["route"] = asked.get("route")
