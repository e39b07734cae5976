"""Dagster as `up` starts it: webserver and daemon of one home, which tests may kill."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil
from pydantic import SecretStr

from crypto_assets.cli import served_programs
from crypto_assets.cli.process_tree import Program
from crypto_assets.dagster_ext.commands import DAEMON_COMMAND
from crypto_assets.installation import PROJECT_ROOT
from crypto_assets.orchestrator import Kind, Orchestrator
from crypto_assets.orchestrator.webserver_client import WebserverClient
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.access.serving import OPERATOR_TOKEN
from crypto_assets_tests.cli.conftest import Desk, desk_at
from crypto_assets_tests.services.lifetime import with_parent

READY_SECONDS = 300
Seen = TypeVar("Seen")

_RUNS = """
{ runsOrError { ... on Runs { results { runId status jobName rootRunId tags { key value } } } } }
"""


def wait_for(look: Callable[[], Seen], seconds: float = READY_SECONDS) -> Seen:
    """Return the first true result of `look`; fail with the last one after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s: {seen!r}"
        time.sleep(0.3)
    return seen


@dataclass
class Tree:
    """Webserver and daemon; `desk` runs commands in their home, `kill_all` ends all processes."""

    desk: Desk
    port: int
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _orphans: list[psutil.Process] = field(default_factory=list)

    @classmethod
    def planted(cls, folder: Path, exchange_url: str, **settings: str) -> Self:
        """Create a home whose Dagster polls its runs more often and has a longer start timeout."""
        port = require_free_port(0)
        url = f"http://127.0.0.1:{port}"
        own = {"DAGSTER_URL": url, "OPERATOR_TOKEN": OPERATOR_TOKEN, **settings}
        desk = desk_at(folder / "home", exchange_url, **own)
        home = folder / "home" / "dagster"
        home.mkdir(parents=True)
        shipped = (PROJECT_ROOT / "dagster.yaml").read_text()
        polling = shipped.replace("poll_interval_seconds: 30", "poll_interval_seconds: 2")
        configured = polling.replace("start_timeout_seconds: 600", "start_timeout_seconds: 1800")
        assert len({shipped, polling, configured}) == 3
        (home / "dagster.yaml").write_text(configured)
        (folder / "logs").mkdir()
        tree = cls(desk, port)
        tree.init()
        return tree

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def orchestrator(self) -> Orchestrator:
        return Orchestrator(self.url, token=SecretStr(OPERATOR_TOKEN))

    @property
    def webserver(self) -> WebserverClient:
        return WebserverClient(self.url, token=SecretStr(OPERATOR_TOKEN))

    def init(self) -> None:
        """Run `init`, as `up` does first."""
        ran = self.desk.run("init")
        assert ran.code == 0, ran.err

    def start(self) -> None:
        """Start both processes; schedules and sensors keep their state."""
        self.start_webserver()
        self.start_daemon()

    def start_daemon_alone(self) -> None:
        """Start the daemon with every schedule and sensor stopped."""
        self.switch_all(running=False)
        self.start_daemon()

    def start_webserver(self) -> None:
        program = served_programs.webserver_program(self.port, self.logs)
        self.start_program(program)
        wait_for(program.is_ready)

    def start_daemon(self) -> None:
        program = served_programs.daemon_program(self.port, self.logs)
        command = [sys.executable, "-m", "crypto_assets_tests.services.dagster_daemon"]
        self.start_program(
            replace(program, command=[*command, *program.command[len(DAEMON_COMMAND) :]])
        )
        wait_for(lambda: not self.orchestrator.list_unhealthy_daemons())

    def switch_all(self, running: bool, but: Iterable[str] = ()) -> None:
        for kind in Kind:
            for each in self.orchestrator.list_instigators(kind):
                self.orchestrator.switch_instigator(
                    kind, each.name, running is not (each.name in but)
                )

    def kill_daemon(self) -> None:
        """Kill only the daemon; its children live on, as after an out-of-memory kill."""
        self.kill_program("Dagster's daemon")

    def kill_program(self, name: str) -> None:
        """Kill one program; its children live on."""
        killed = self._running.pop(name)
        self._orphans += psutil.Process(killed.pid).children(recursive=True)
        killed.kill()
        killed.wait()

    def is_running(self, name: str) -> bool:
        """Whether a program was started, and not killed since."""
        return name in self._running

    def get_process(self, name: str) -> psutil.Process:
        """Return the process of a running program."""
        return psutil.Process(self._running[name].pid)

    def kill_all(self) -> None:
        """Kill webserver, daemon, code servers and runs."""
        family = self._orphans + [
            one
            for process in self._running.values()
            if psutil.pid_exists(process.pid)
            for one in psutil.Process(process.pid).children(recursive=True)
        ]
        for process in self._running.values():
            process.kill()
        for one in family:
            if one.is_running():
                one.kill()
        for process in self._running.values():
            process.wait()
        psutil.wait_procs(family, timeout=20)
        self._running.clear()
        self._orphans.clear()

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, newest first, with `tags` as a mapping."""
        found = self.webserver.run_query(_RUNS)["runsOrError"]["results"]
        return [{**run, "tags": {t["key"]: t["value"] for t in run["tags"]}} for run in found]

    @property
    def logs(self) -> Path:
        return self.desk.home.parent / "logs"

    def start_program(self, program: Program) -> None:
        """Start a program in the environment of the home, without waiting for it."""
        environment = {
            **self.desk.environment,
            "DAGSTER_HOME": str(self.desk.home / "dagster"),
            # A code server that starts a run on a busy machine may not answer for a minute.
            "DAGSTER_GRPC_TIMEOUT_SECONDS": str(READY_SECONDS),
        }
        with program.log.open("ab") as log:
            self._running[program.name] = subprocess.Popen(
                [*with_parent(), *program.command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
