"""An HTTP server in a thread whose responses and faults come from a function of the test."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

_HOP_BY_HOP = {"connection", "content-length", "date", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass(frozen=True)
class Answer:
    """A response. `cut` closes the connection after that many bytes of the body, -1 at once."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0


Respond = Callable[[Request], Answer]


class ScriptedServer:
    """A server at `url`; `requests` are the received requests in order."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def scripted(respond: Respond) -> Iterator[ScriptedServer]:
    server = ScriptedServer(respond)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def in_turn(*answers: Answer) -> Respond:
    """Return one response per request, and the last one for all further requests."""
    left = list(answers)
    lock = threading.Lock()

    def respond(_: Request) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return respond


def forward_to(url: str) -> Respond:
    """Forward requests to the server at `url` with their own Host header, as a proxy does."""
    place = urlsplit(url).netloc

    def respond(request: Request) -> Answer:
        query = urlencode(request.query, quote_via=quote)
        with closing(HTTPConnection(place)) as connection:
            path = f"{request.path}?{query}" if query else request.path
            connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            answer = connection.getresponse()
            headers = {n: v for n, v in answer.getheaders() if n.lower() not in _HOP_BY_HOP}
            return Answer(answer.status, answer.read(), headers)

    return respond


def _handler(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers=dict(self.headers),
                body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
                at=time.monotonic(),
            )
            script.requests.append(request)
            self._send(script.respond(request))

        def _send(self, answer: Answer) -> None:
            if answer.delay:
                time.sleep(answer.delay)
            self.close_connection = answer.cut is not None
            if answer.cut == -1:
                return
            self.send_response_only(answer.status)
            for name, value in ({"Date": self.date_time_string()} | dict(answer.headers)).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: answer.cut])

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    return Handler
