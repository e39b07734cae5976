"""Limits of what a browser may ask of Streamlit itself, below the pages.

Everyone who may read has a session. In Streamlit, each session may store files in the memory of the
server, and clear the caches of all viewers, whether or not a page offers it.
"""

import logging

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from crypto_assets.access import refusal_response

_log = logging.getLogger(__name__)

_UPLOAD_PATH = "/_stcore/upload_file"
# What pages send; the others are for developers.
_ALLOWED_MESSAGES = frozenset(
    {
        "app_heartbeat",
        "backend_operation_request",
        "rerun_script",
        "stop_script",
    }
)


class ViewerLimitsMiddleware:
    """Refuses uploads, and drops messages that change the server for other viewers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _UPLOAD_PATH in scope["path"]:
            await refusal_response(403, "this app takes no files")(scope, receive, send)
            return

        async def receive_allowed() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or _is_allowed(message):
                    return message

        is_socket = scope["type"] == "websocket"
        await self._app(scope, receive_allowed if is_socket else receive, send)


class ClosedSocketMiddleware:
    """Drops what Streamlit sends to a browser that has just closed its WebSocket.

    After a failed message, Starlette refuses to receive, which Streamlit logs as an error of the
    browser, with a traceback. Streamlit then receives that the browser has disconnected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_while_open(message: Message) -> None:
            try:
                await send(message)
            except OSError:
                _log.debug("a browser disconnected before it received a message")

        await self._app(scope, receive, send_while_open if scope["type"] == "websocket" else send)


def _is_allowed(message: Message) -> bool:
    content = BackMsg()
    try:
        content.ParseFromString(message.get("bytes") or b"")
    except DecodeError:
        return True  # Streamlit refuses it in words
    kind = content.WhichOneof("type")
    if kind is None or kind in _ALLOWED_MESSAGES:
        return True
    _log.warning("dropped the message %s of a browser", kind)
    return False
