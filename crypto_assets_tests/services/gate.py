"""A door before a server: what stands behind it can go away and come back at the same address."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """Passes on what comes to `port`, of this machine, to the server at `behind`."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._listener: socket.socket | None = None
        self._passing: set[socket.socket] = set()
        self.port = 0

    def open(self) -> None:
        """At the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._welcome, args=(listener,), daemon=True).start()

    def lead_to(self, behind: int) -> None:
        """Who comes in from now on reaches another server; who is inside stays where they are."""
        self._behind = behind

    def shut(self) -> None:
        """Nobody comes in any more, and who is inside is cut off."""
        if self._listener:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in list(self._passing):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _welcome(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                guest, _ = listener.accept()
                host = socket.create_connection(("127.0.0.1", self._behind))
                self._passing |= {guest, host}
                for pair in ((guest, host), (host, guest)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._passing.discard(source)
        source.close()


@contextmanager
def gate_before(port: int) -> Iterator[Gate]:
    """An open gate; shut at the end."""
    gate = Gate(port)
    gate.open()
    try:
        yield gate
    finally:
        gate.shut()
