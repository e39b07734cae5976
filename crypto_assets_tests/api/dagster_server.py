"""A real Dagster, webserver and daemon, over the project's definitions, in a home of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from crypto_assets.cli import serving
from crypto_assets.cli.processes import Program
from crypto_assets.orchestrator import Kind, Orchestrator
from crypto_assets.ports import require_free_port
from crypto_assets_tests.cli.conftest import Desk, desk_at

READY_SECONDS = 120


@dataclass(frozen=True)
class DagsterServer:
    """`start_daemon` may be called once; until then what is launched stays queued."""

    url: str
    desk: Desk
    start_daemon: Callable[[], None]


@contextmanager
def dagster_over(folder: Path, exchange_url: str, **settings: str) -> Iterator[DagsterServer]:
    """Makes the home ready as `init` does, then serves; schedules and sensors do not tick.

    They are stopped before the daemon runs, so that nothing happens but what a test asks for.
    """
    port = require_free_port(0)
    url = f"http://127.0.0.1:{port}"
    desk = desk_at(folder / "home", exchange_url, DAGSTER_URL=url, **settings)
    ran = desk.run("init")
    assert ran.code == 0, ran.err
    logs = folder / "logs"
    logs.mkdir()
    processes: list[subprocess.Popen[bytes]] = []

    def start_daemon() -> None:
        orchestrator = Orchestrator(url)
        for kind in Kind:
            for each in orchestrator.instigators(kind):
                orchestrator.switch(kind, each.name, running=False)
        processes.append(_start(serving.daemon(logs), desk))
        _wait(lambda: not orchestrator.sick_daemons(), logs / "daemon.log")

    try:
        webserver = serving.webserver(port, logs)
        processes.append(_start(webserver, desk))
        _wait(webserver.ready, webserver.log)
        yield DagsterServer(url, desk, start_daemon)
    finally:
        _stop(processes)


def _start(program: Program, desk: Desk) -> "subprocess.Popen[bytes]":
    home = desk.home / "dagster"
    with program.log.open("ab") as log:
        return subprocess.Popen(
            list(program.command),
            env={**desk.environment, "DAGSTER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.3)


def _stop(processes: "list[subprocess.Popen[bytes]]") -> None:
    """Each with all that it has started, code servers and runs too."""
    family = [
        child
        for process in processes
        if psutil.pid_exists(process.pid)
        for child in psutil.Process(process.pid).children(recursive=True)
    ]
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()
    psutil.wait_procs(family, timeout=20)
