"""Limits of a response below `requests`: its time in all, its bytes on the wire, and the peer.

The timeouts of `requests` apply to each read of the socket, so that a server that sends a byte a
second would never time out. These limits apply to headers and chunk sizes too.
"""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# Headers and chunk sizes, beside the body. A body that expands by decoding is smaller.
_OVERHEAD_BYTES = 1024 * 1024

PeerCheck = Callable[[str], None]
DataCallback = Callable[[], None]


class ResponseLimitExceeded(requests.RequestException):
    """A response that is too large, or takes too long in all."""

    @classmethod
    def for_size(cls, max_bytes: int) -> Self:
        shown = f"{max_bytes >> 20} MB" if max_bytes >= 1 << 20 else f"{max_bytes} bytes"
        return cls(f"it sends more than {shown}")

    @classmethod
    def for_time(cls, seconds: float) -> Self:
        return cls(f"it takes longer than {seconds:g} s in all")


@dataclass(frozen=True)
class _RequestLimits:
    """The limits of the request that this thread sends; `deadline` is by the monotonic clock."""

    seconds: float
    deadline: float
    max_bytes: int
    check_peer: PeerCheck | None
    on_data: DataCallback | None


_limits: ContextVar[_RequestLimits] = ContextVar("request_limits")


@contextmanager
def limit_response(
    seconds: float,
    max_bytes: int,
    check_peer: PeerCheck | None = None,
    on_data: DataCallback | None = None,
) -> Iterator[None]:
    """Limit the response that this thread reads within: its time, and its bytes on the wire.

    `check_peer` gets the IP address of each new connection before anything is sent over it, and
    raises an exception to refuse it. `on_data` is called each time that bytes have arrived.
    """
    deadline = time.monotonic() + seconds
    token = _limits.set(_RequestLimits(seconds, deadline, max_bytes, check_peer, on_data))
    try:
        yield
    finally:
        _limits.reset(token)


class LimitedAdapter(HTTPAdapter):
    """An adapter whose connections apply the limits of `limit_response`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _LimitedReader(RawIOBase):
    """Reads a socket until the request's deadline, however slowly the bytes arrive."""

    def __init__(self, connection: socket.socket, raw: RawIOBase, limits: _RequestLimits) -> None:
        self._connection, self._raw, self._limits = connection, raw, limits
        self._bytes_left = limits.max_bytes + _OVERHEAD_BYTES
        self._read_seconds = connection.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._limits.deadline - time.monotonic()
        if left <= 0:
            raise ResponseLimitExceeded.for_time(self._limits.seconds)
        if self._read_seconds is None or left < self._read_seconds:
            self._connection.settimeout(left)
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            if time.monotonic() < self._limits.deadline:
                raise
            raise ResponseLimitExceeded.for_time(self._limits.seconds) from None
        if count and self._limits.on_data:
            self._limits.on_data()
        self._bytes_left -= count or 0
        if self._bytes_left < 0:
            raise ResponseLimitExceeded.for_size(self._limits.max_bytes)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = BufferedReader(_LimitedReader(sock, raw, _limits.get()))


class _LimitedConnection(HTTPConnection):
    response_class = _LimitedResponse

    def connect(self) -> None:
        super().connect()
        _check_peer(self.sock)


class _LimitedTlsConnection(HTTPSConnection):
    response_class = _LimitedResponse

    def connect(self) -> None:
        super().connect()
        _check_peer(self.sock)


class _LimitedPool(HTTPConnectionPool):
    ConnectionCls = _LimitedConnection


class _LimitedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _LimitedTlsConnection


_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _LimitedPool, "https": _LimitedTlsPool}


def _check_peer(connection: Any) -> None:
    check = _limits.get().check_peer
    if check:
        check(str(connection.getpeername()[0]))
