"""No request needs a large body: reading one ends where it is larger than any of ours."""

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024


class BodyLimit:
    """Middleware in whose reach a body that is too large reads as 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, f"the body is larger than {MOST_BYTES} bytes")
            return message

        await self._app(scope, counted, send)
