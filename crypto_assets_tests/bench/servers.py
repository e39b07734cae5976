"""The servers of a measurement: MariaDB, an S3 server, and the simulated exchange."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.mariadb import DatabaseServer, start_server
from crypto_assets_tests.services.s3 import S3Server, start_seaweedfs

# Typical settings on a small machine. A commit is on disk before it is confirmed.
TUNING = (
    "--innodb-buffer-pool-size=512M",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=1",
)
_READY_SECONDS = 60

_mariadb, _seaweedfs = contextmanager(start_server), contextmanager(start_seaweedfs)


@dataclass(frozen=True)
class ExchangeProcess:
    url: str
    pid: int


@dataclass(frozen=True)
class Servers:
    """The servers that measured commands use; `folder` is deleted with them."""

    folder: Path
    mariadb: DatabaseServer
    s3: S3Server
    exchange: ExchangeProcess

    @property
    def pids(self) -> Mapping[str, int]:
        return {"mariadb": self.mariadb.pid, "s3": self.s3.pid, "exchange": self.exchange.pid}


@contextmanager
def start_servers(now: str) -> Iterator[Servers]:
    """Run all three servers; the exchange's clock starts at `now` (ISO 8601)."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="crypto-assets-bench-"))
        )
        for name in ("mariadb", "s3"):
            (folder / name).mkdir()
        mariadb = stack.enter_context(_mariadb("mariadb", folder / "mariadb", TUNING))
        s3 = stack.enter_context(_seaweedfs(folder / "s3"))
        exchange = stack.enter_context(start_exchange(now, folder / "exchange.log"))
        yield Servers(folder, mariadb, s3, exchange)


@contextmanager
def start_exchange(
    now: str, log: Path, speed: float = 1.0, faults: Path | None = None
) -> Iterator[ExchangeProcess]:
    """Run a simulated exchange in a process of its own; `faults` is a script of faults."""
    port = require_free_port(0)
    command = [
        *(sys.executable, "-m", "crypto_assets", "simulate-exchange", "--port", str(port)),
        *("--now", now, "--speed", str(speed)),
        *(("--faults", str(faults)) if faults else ()),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*with_parent(), *command], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, log)
        yield ExchangeProcess(url, process.pid)
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{url}/api/v3/ping", timeout=2).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.05)
    raise RuntimeError(f"the simulated exchange did not start: {log.read_text()[-2000:]}")
