"""A TCP proxy before a server, which can be closed and opened again at the same address."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """Forwards connections to `port` on 127.0.0.1 to the server at port `behind`."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self.port = 0

    def open(self) -> None:
        """Listen, at the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def lead_to(self, behind: int) -> None:
        """Forward new connections to another server; existing connections stay."""
        self._behind = behind

    def shut(self) -> None:
        """Refuse new connections and break the existing ones."""
        if self._listener:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in list(self._connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(("127.0.0.1", self._behind))
                self._connections |= {client, upstream}
                for pair in ((client, upstream), (upstream, client)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._connections.discard(source)
        source.close()


@contextmanager
def gate_before(port: int) -> Iterator[Gate]:
    """Open a gate for the duration of the context."""
    gate = Gate(port)
    gate.open()
    try:
        yield gate
    finally:
        gate.shut()
