"""A server that sends the bytes of the test instead of valid HTTP."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class RawServer:
    """A server at `url` that sends `make_chunks()` after each request, until the client closes."""

    make_chunks: Callable[[], Iterable[bytes]]
    sent_bytes: int = 0
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._respond, args=(connection,), daemon=True).start()

    def _respond(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            for chunk in self.make_chunks():
                if self.stopping.is_set():
                    return
                connection.sendall(chunk)
                self.sent_bytes += len(chunk)

    def stop(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serve_raw(make_chunks: Callable[[], Iterable[bytes]]) -> Iterator[RawServer]:
    server = RawServer(make_chunks)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
