"""A Redis that keeps its data in a folder, and can be restarted."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.programs import find_program

_READY_SECONDS = 30


@dataclass
class RedisServer:
    """A server with the options of docker-compose.yml, on loopback."""

    port: int
    folder: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        kept = ["--appendonly", "yes", "--maxmemory-policy", "noeviction"]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*with_parent(), find_program("redis-server", "redis-server"), *options, *kept],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._answers, _READY_SECONDS)

    def kill(self) -> None:
        """End it without a chance to write anything."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"PING\r\n")
                return client.recv(16) == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def run_redis(folder: Path) -> Iterator[RedisServer]:
    """Start a server whose data is in `folder`."""
    server = RedisServer(require_free_port(0), folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
