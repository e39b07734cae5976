"""Serves an ASGI app: blocking for commands, or in a thread for other programs.

A client that sends slowly, reads slowly, or opens many connections, must not keep others out. So a
request has a limit on the size of its headers and on the time until it has arrived, a response on
the time for which its client reads nothing, and the number of connections is limited, for each
client address and in all.
"""

import asyncio
import resource
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from crypto_assets.client_address import group_client_address
from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets.tcp_ports import claim_port

_GRACE_SECONDS = 2
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_MAX_HEADER_BYTES = 64 * 1024
# A browser sends clicks and the values of input fields, all of them small.
_MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
_MAX_CONNECTIONS = 1000
# What the kernel holds of a request that the server has not read: requests are small.
_RECEIVE_BUFFER_BYTES = 128 * 1024
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\n"
    b"content-length: 0\r\n\r\n"
)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True)
class ServerLimits:
    """What a client may hold: seconds until a request has arrived, and connections.

    `reading_seconds` is how long a part of a response may wait until the client reads it.
    """

    header_seconds: float = 10
    body_seconds: float = 30
    reading_seconds: float = 60
    connections: int = _MAX_CONNECTIONS
    connections_per_address: int = _MAX_CONNECTIONS // 4

    @classmethod
    def from_open_files(cls) -> "ServerLimits":
        """Return the limits for this process: connections take at most half of its open files."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        known = files if files > 0 else 2 * _MAX_CONNECTIONS
        connections = max(8, min(_MAX_CONNECTIONS, known // 2))
        return cls(connections=connections, connections_per_address=max(8, connections // 4))


def serve_app(
    app: Any,
    port: int,
    host: str = "127.0.0.1",
    grace_seconds: int = _GRACE_SECONDS,
    *,
    trusted_proxies: Sequence[str] = (),
    websockets: bool = False,
    log_level: str = "critical",
) -> None:
    """Serve an ASGI app until SIGINT or SIGTERM, then wait `grace_seconds` for active requests.

    The client's address and scheme are those that `trusted_proxies` forward, or the real ones.
    Raises PortTaken.
    """
    with _claim_port(port, host) as claimed:
        freeze_loaded_objects()
        config = _build_config(
            app,
            grace_seconds,
            trusted_proxies=trusted_proxies,
            websockets=websockets,
            log_level=log_level,
        )
        _Server(config).run(sockets=[claimed])


@contextmanager
def serve_in_thread(
    app: Any, port: int = 0, limits: ServerLimits | None = None, *, websockets: bool = False
) -> Iterator[str]:
    """Serve an ASGI app in a thread, and yield its base URL. Port 0 chooses a free port."""
    with _claim_port(port) as claimed:
        claimed.listen(128)
        server = _Server(_build_config(app, _GRACE_SECONDS, limits, websockets=websockets))
        thread = threading.Thread(target=server.run, args=([claimed],), name="http-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{claimed.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _claim_port(port: int, host: str = "127.0.0.1") -> socket.socket:
    claimed = claim_port(port, host)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return claimed


class _Server(uvicorn.Server):
    """Returns after a signal has stopped it; uvicorn's own server raises the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {name: signal.signal(name, self.handle_exit) for name in _STOP_SIGNALS}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)


class _LimitedConfig(uvicorn.Config):
    """The configuration of uvicorn, with the limits that `_LimitedProtocol` applies."""

    limits: ServerLimits


class _ReadingDeadline:
    """Aborts a connection whose client does not read, and with it the work for its response.

    Closing it would not be enough: that waits until the client has read everything.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop, self._seconds = loop, seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        """Give the client the time from now on, unless it has some already."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._abort_if_unread, transport)

    def start_if_unread(self, transport: asyncio.Transport) -> None:
        """Do so if the client has not read everything."""
        if transport.get_write_buffer_size():
            self.start(transport)

    def _abort_if_unread(self, transport: asyncio.Transport) -> None:
        self._timer = None
        if transport.get_write_buffer_size():
            transport.abort()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _LimitedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is aborted if its client does not read."""

    def __init__(self, config: uvicorn.Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        seconds = cast(_LimitedConfig, config).limits.reading_seconds
        self._reading_deadline = _ReadingDeadline(self.loop, seconds)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_deadline.start(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reading_deadline.stop()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._reading_deadline.start_if_unread(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._reading_deadline.stop()
        super().connection_lost(exc)


class _LimitedProtocol(H11Protocol):
    """One connection, which is closed if its request does not arrive in time, or is not read.

    When there are too many connections, the one that has waited longest for a complete request is
    closed, so that half-open connections cannot keep a new client out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whatever handlers the application adds to uvicorn's loggers.
        self.access_log = self.config.access_log
        self._limits = cast(_LimitedConfig, self.config).limits
        self._deadline: asyncio.TimerHandle | None = None
        self._awaits_body = False
        self._reading_deadline = _ReadingDeadline(self.loop, self._limits.reading_seconds)
        self.waiting_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_deadline(self._limits.header_seconds)
        self._enforce_limits()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._reading_deadline.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading_deadline.start(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reading_deadline.stop()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.flow.write_paused:
            # The next request has a deadline of its own.
            self._reading_deadline.stop()
        self._follow_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._reading_deadline.start_if_unread(self.transport)
        self.waiting_since = self.loop.time()
        self._follow_request()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_deadline()
        self._reading_deadline.stop()
        super().handle_websocket_upgrade(event)

    @property
    def waits_for_request(self) -> bool:
        """Whether the next request has not arrived completely."""
        is_incomplete = self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        return is_incomplete and not self.transport.is_closing()

    @property
    def has_headers(self) -> bool:
        """Whether the headers of the request have arrived."""
        return self.conn.their_state is not h11.IDLE

    def _follow_request(self) -> None:
        """Start the deadline of a request that has begun, and stop it when all has arrived."""
        if self.transport.get_protocol() is not self or self.transport.is_closing():
            self._stop_deadline()
        elif self.conn.their_state is h11.SEND_BODY:
            if not self._awaits_body:
                self._awaits_body = True
                self._start_deadline(self._limits.body_seconds)
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            if self._deadline is None or self._awaits_body:
                self._awaits_body = False
                self._start_deadline(self._limits.header_seconds)
        else:
            self._awaits_body = False
            self._stop_deadline()

    def _start_deadline(self, seconds: float) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(seconds, self._drop_slow_request)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop_slow_request(self) -> None:
        self._deadline = None
        if self._awaits_body and self.flow.read_paused:
            # The application reads slowly, not the client.
            self._start_deadline(self._limits.body_seconds)
            return
        if self.conn.their_state is h11.IDLE:
            self.transport.write(_TOO_SLOW)
            self.transport.close()
            self._reading_deadline.start_if_unread(self.transport)
        else:
            self.transport.abort()

    def _enforce_limits(self) -> None:
        """Close a connection if there are too many: a waiting one, or else this one."""
        open_now = [one for one in self.connections if not one.transport.is_closing()]
        counts = Counter(map(_find_address, open_now))
        mine = _find_address(self)
        if counts[mine] > self._limits.connections_per_address:
            candidates = [one for one in open_now if _find_address(one) == mine]
        elif len(open_now) > self._limits.connections:
            candidates = open_now
        else:
            return
        waiting = [one for one in _list_waiting(candidates) if one is not self]
        if waiting:
            _choose_victim(waiting, counts).transport.abort()
        else:
            self.transport.write(_BUSY)
            self.transport.close()


def _choose_victim(
    waiting: Iterable[_LimitedProtocol], counts: Mapping[str, int]
) -> _LimitedProtocol:
    """Choose the connection to close: of the client with most connections, the longest waiting."""
    return min(
        waiting, key=lambda one: (-counts[_find_address(one)], one.has_headers, one.waiting_since)
    )


def _list_waiting(connections: Iterable[Any]) -> list[_LimitedProtocol]:
    return [
        one for one in connections if isinstance(one, _LimitedProtocol) and one.waits_for_request
    ]


def _find_address(connection: Any) -> str:
    client = connection.client
    return group_client_address(str(client[0])) if client else ""


def _build_config(
    app: Any,
    grace_seconds: int,
    limits: ServerLimits | None = None,
    *,
    trusted_proxies: Sequence[str] = (),
    websockets: bool = False,
    log_level: str = "critical",
) -> uvicorn.Config:
    config = _LimitedConfig(
        app,
        http=_LimitedProtocol,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        ws=_LimitedWebSocket if websockets else "none",
        ws_max_size=_MAX_WEBSOCKET_MESSAGE_BYTES,
        # A compressed message could be a thousand times as large as the limit.
        ws_per_message_deflate=False,
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        # Anyone can send the headers; only those of a known proxy tell the client's address.
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=grace_seconds,
    )
    config.limits = limits or ServerLimits.from_open_files()
    return config
