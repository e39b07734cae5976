"""The server's limits: a client that sends slowly, or much, keeps no one out."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from crypto_assets.http_server import ServerLimits, serve_in_thread

MIB = 1024 * 1024


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


APP = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])


def connect(url: str) -> socket.socket:
    """Open a connection whose kernel holds little of what the server has not read."""
    address = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    client.settimeout(30)
    client.connect((address.hostname, address.port))
    return client


def read_all(client: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    received = b""
    try:
        while data := client.recv(65_536):
            received += data
    except ConnectionResetError:
        pass
    return received


@contextmanager
def hold(url: str, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Hold connections that have sent the beginning of a request."""
    with ExitStack() as after:
        clients = []
        for _ in range(count):
            clients.append(after.enter_context(connect(url)))
            clients[-1].sendall(sent)
        yield clients


@pytest.mark.parametrize(
    "line", [b"X-Long: " + b"a" * MIB, b"X-Many: 1\r\n" * 100_000], ids=["one", "many"]
)
def test_headers_are_cut_within_a_mebibyte(line: bytes) -> None:
    with serve_in_thread(APP) as url, connect(url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        sent = 0
        with pytest.raises(OSError, match=r"reset|pipe"):
            while sent < 200 * MIB:
                sent += client.send(line)
        assert sent < MIB
        assert requests.get(url, timeout=30).text == "0 bytes"


def test_half_open_connections_lock_no_one_out() -> None:
    limits = ServerLimits(header_seconds=60, connections=64, connections_per_address=16)
    with (
        serve_in_thread(APP, limits=limits) as url,
        hold(url, 260, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "),
    ):
        assert requests.get(url, timeout=30).text == "0 bytes"


def test_a_request_must_arrive_in_time() -> None:
    with serve_in_thread(APP, limits=ServerLimits(header_seconds=0.3)) as url:
        with hold(url, 1, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ") as (client,):
            assert read_all(client).startswith(b"HTTP/1.1 408 ")
        with hold(url, 1, b"") as (client,):
            assert read_all(client).startswith(b"HTTP/1.1 408 ")


def test_bytes_that_trickle_in_do_not_extend_the_time() -> None:
    with (
        serve_in_thread(APP, limits=ServerLimits(header_seconds=0.5)) as url,
        connect(url) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        client.settimeout(0.05)
        start = time.monotonic()
        answer = b""
        while not answer:
            try:
                client.send(b"a")
                answer = client.recv(100)
            except TimeoutError:
                assert time.monotonic() - start < 60
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_must_arrive_in_time() -> None:
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nabc"
    with (
        serve_in_thread(APP, limits=ServerLimits(body_seconds=0.3)) as url,
        hold(url, 1, request) as (client,),
    ):
        assert read_all(client) == b""


def test_a_kept_connection_serves_requests_of_any_age() -> None:
    """The time of a request begins with its first byte, not with the connection."""
    limits = ServerLimits(header_seconds=0.3, body_seconds=0.3)
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc"
    with serve_in_thread(APP, limits=limits) as url, connect(url) as client:
        start = time.monotonic()
        while time.monotonic() - start < 1:
            client.sendall(request)
            received = b""
            while b"3 bytes" not in received:
                received += client.recv(1000)
        # Two requests in one piece, as browsers do not send but programs may.
        client.sendall(request + request)
        received = b""
        while received.count(b"3 bytes") < 2:
            received += client.recv(1000)


def test_busy_connections_are_not_closed_for_new_ones() -> None:
    """While all connections of an address are being served, its next one gets a 503."""
    limits = ServerLimits(connections=64, connections_per_address=4)
    started, release = threading.Semaphore(0), asyncio.Event()

    async def wait(request: Request) -> PlainTextResponse:
        started.release()
        await release.wait()
        return PlainTextResponse("done")

    async def release_all(request: Request) -> PlainTextResponse:
        release.set()
        return PlainTextResponse("released")

    app = Starlette(routes=[Route("/wait", wait), Route("/release", release_all)])
    with (
        serve_in_thread(app, limits=limits) as url,
        hold(url, 4, b"GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as clients,
    ):
        for _ in clients:
            assert started.acquire(timeout=30)
        with connect(url) as extra:
            assert read_all(extra).startswith(b"HTTP/1.1 503 ")
        clients.pop().close()
        # Not before the server has noticed that one has gone.
        deadline = time.monotonic() + 60
        while requests.get(f"{url}/release", timeout=30).status_code != 200:
            assert time.monotonic() < deadline
        for client in clients:
            received = b""
            while b"done" not in received:
                received += client.recv(1000)


def test_bodies_that_do_not_arrive_lock_no_one_out() -> None:
    limits = ServerLimits(body_seconds=60, connections=64, connections_per_address=4)
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nab"
    with serve_in_thread(APP, limits=limits) as url, hold(url, 10, request):
        assert requests.get(url, timeout=30).text == "0 bytes"


def test_two_host_headers_are_refused() -> None:
    with serve_in_thread(APP) as url, connect(url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 400 ")


def test_no_response_names_the_server() -> None:
    with serve_in_thread(APP) as url:
        assert "server" not in requests.get(url, timeout=30).headers


def test_the_limits_fit_the_open_files_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
    limits = ServerLimits.from_open_files()
    assert (limits.connections, limits.connections_per_address) == (128, 32)


class Endless:
    """An app whose responses never end; `ended` is set when the server ends one."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        is_socket = scope["type"] == "websocket"
        try:
            await send(
                {"type": "websocket.accept"}
                if is_socket
                else {"type": "http.response.start", "status": 200, "headers": []}
            )
            part: Message = (
                {"type": "websocket.send", "bytes": bytes(MIB)}
                if is_socket
                else {"type": "http.response.body", "body": bytes(MIB), "more_body": True}
            )
            # uvicorn ignores what is sent to a client that has gone.
            gone = asyncio.ensure_future(_wait_for_disconnect(receive))
            while not gone.done():
                await send(part)
        finally:
            self.ended.set()


async def _wait_for_disconnect(receive: Receive) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", UPGRADE])
def test_a_client_that_reads_nothing_is_dropped(request_: bytes) -> None:
    app = Endless()
    limits = ServerLimits(reading_seconds=0.5)
    with serve_in_thread(app, limits=limits, websockets=True) as url, connect(url) as client:
        client.sendall(request_)
        assert app.ended.wait(20), "the work for the response goes on"
        # No more than what the kernels hold.
        assert len(read_all(client)) < 32 * MIB


def test_a_client_that_reads_slowly_gets_everything() -> None:
    size = 4 * MIB
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse(b"x" * size))])
    request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    received = 0
    with (
        serve_in_thread(app, limits=ServerLimits(reading_seconds=0.3)) as url,
        connect(url) as client,
    ):
        client.sendall(request)
        started = time.monotonic()
        while data := client.recv(256 * 1024):
            received += len(data)
            time.sleep(0.05)
    assert received > size and time.monotonic() - started > 0.3
