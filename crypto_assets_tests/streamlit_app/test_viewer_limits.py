"""What a browser without a token may ask of Streamlit itself."""

import asyncio
from http.cookies import SimpleCookie

import pytest
import requests
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Origin, Subprotocol
from websockets.sync.client import ClientConnection, connect

from streamlit_app.viewer_limits import ClosedSocketMiddleware, ViewerLimitsMiddleware


def start_session(stream: ClientConnection) -> str:
    """Run the start page, and return the id of the session."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    stream.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(stream.recv(timeout=30, decode=False))
        if answer.WhichOneof("type") == "new_session":
            return str(answer.new_session.initialize.session_id)


async def pass_on(kind: str) -> list[bytes]:
    """Return what Streamlit receives of a message of a kind, and of the one after it."""
    unwanted, wanted = BackMsg(), BackMsg(stop_script=True)
    if kind == "file_urls_request":
        unwanted.file_urls_request.request_id = "1"
    else:
        setattr(unwanted, kind, True)
    incoming: list[Message] = [
        {"type": "websocket.receive", "bytes": one.SerializeToString()}
        for one in (unwanted, wanted)
    ]
    received: list[bytes] = []

    async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            received.append(message["bytes"])

    async def receive() -> Message:
        return incoming.pop(0) if incoming else {"type": "websocket.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError

    await ViewerLimitsMiddleware(streamlit)({"type": "websocket", "path": "/"}, receive, send)
    return received


def test_a_viewer_stores_no_files_in_the_memory_of_the_server(app_address: str) -> None:
    health = requests.get(f"{app_address}/_stcore/health", timeout=10)
    token = SimpleCookie(health.headers["Set-Cookie"])["_streamlit_xsrf"].value
    address = f"{app_address.replace('http', 'ws', 1)}/_stcore/stream"
    with connect(
        address,
        origin=Origin(app_address),
        subprotocols=[Subprotocol("streamlit")],
        proxy=None,
        max_size=None,
    ) as stream:
        answer = requests.put(
            f"{app_address}/_stcore/upload_file/{start_session(stream)}/1",
            files={"file": ("x", b"0" * 1000)},
            headers={"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}"},
            timeout=10,
        )
    assert (answer.status_code, answer.json()["detail"]) == (403, "this app takes no files")


@pytest.mark.parametrize(
    "kind",
    [
        "clear_cache",
        "load_git_info",
        "set_run_on_save",
        "debug_shutdown_runtime",
        "file_urls_request",
    ],
)
def test_a_viewer_changes_nothing_for_other_viewers(kind: str) -> None:
    """Clearing the caches closes the connections and health checks of all pages."""
    assert asyncio.run(pass_on(kind)) == [BackMsg(stop_script=True).SerializeToString()]


def test_a_browser_that_disconnects_during_a_message_is_no_error() -> None:
    incoming: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.disconnect", "code": 1006},
    ]
    ended: list[int] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise OSError("the browser has disconnected")

    async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_bytes(b"a page")
        try:
            await socket.receive_bytes()
        except WebSocketDisconnect as disconnected:
            ended.append(disconnected.code)

    scope: Scope = {"type": "websocket", "path": "/", "headers": []}
    asyncio.run(ClosedSocketMiddleware(streamlit)(scope, receive, send))
    assert ended == [1006]
