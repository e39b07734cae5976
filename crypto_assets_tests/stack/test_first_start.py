"""The first start of a newcomer: `.env` copied from its template, a proxy, an odd home."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.installation import PROJECT_ROOT
from crypto_assets.market.utc_time import DAY_MS, day_of, now_ms
from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.project.env_example import uncomment_example
from crypto_assets_tests.project.repository import copy_folder, text
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.lifetime import with_parent

_ODD_NAME = "50% é ?x=1 #2 %41 home"
# Nothing listens there.
_DEAD = "http://127.0.0.1:9"
_PROXIES = {
    variable: "" if name == "no_proxy" else _DEAD
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for variable in (name, name.upper())
}
_SERVES = "Ctrl-C stops everything."


@dataclass(frozen=True)
class Clone:
    """A copy of the project in which a newcomer runs `make`; `log` has the output."""

    folder: Path
    log: Path

    @classmethod
    def make(cls, folder: Path, dotenv: str) -> "Clone":
        for name in ("crypto_assets", "streamlit_app", ".streamlit", "images"):
            if (PROJECT_ROOT / name).exists():
                copy_folder(PROJECT_ROOT / name, folder / name)
        for name in ("pyproject.toml", "dagster.yaml", "workspace.yaml", "Makefile"):
            shutil.copy(PROJECT_ROOT / name, folder / name)
        (folder / ".env").write_text(dotenv)
        return cls(folder, folder.parent / "output.log")

    @contextmanager
    def serve(self, *command: str, **environment: str) -> Iterator[None]:
        """Run a command until it says that everything responds, and stop it at the end."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*with_parent(), *command],
                cwd=self.folder,
                env=self._environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(lambda: _SERVES in self.output or process.poll() is not None)
            assert _SERVES in self.output, self.output
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(60)

    def run(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def _environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CRYPTO_", "DAGSTER_", "AWS_")) and name not in _PROXIES
        }
        return {**inherited, "PYTHONPATH": str(self.folder), **changes}


def choose_ports() -> dict[str, int]:
    return {name: require_free_port(0) for name in ("dagster", "app", "api")}


def list_options(ports: Mapping[str, int]) -> list[str]:
    return [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]


def require_responses(ports: Mapping[str, int]) -> None:
    for name, path in (("dagster", "server_info"), ("app", "_stcore/health"), ("api", "health")):
        response = requests.get(f"http://127.0.0.1:{ports[name]}/{path}", timeout=30)
        assert response.ok, (name, response.text)


_COMMAND = (sys.executable, "-m", "crypto_assets")


@pytest.mark.timeout(400)
def test_the_demo_serves_in_a_home_of_any_name_behind_a_proxy(tmp_path: Path) -> None:
    """By `make demo`, with a copied `.env`; then a backfill goes through the running Dagster."""
    (tmp_path / "a clone").mkdir()
    clone = Clone.make(tmp_path / "a clone", text(".env.example"))
    home = clone.folder / _ODD_NAME
    ports = choose_ports()
    exchange_port = require_free_port(0)
    options = list_options({**ports, "exchange": exchange_port})
    # `make demo` has no options for ports.
    arguments = " ".join(["demo", "--days", "1", *options])
    make = ("make", "demo", f"BIN={tmp_path}", "-o", ".venv/runtime-installed")
    command = tmp_path / "crypto-assets"
    command.write_text(f'#!/bin/sh\n[ "$1" = demo ] && exec {" ".join(_COMMAND)} {arguments}\n')
    command.chmod(0o755)
    with clone.serve(*make, CRYPTO_HOME=_ODD_NAME, **_PROXIES):
        require_responses(ports)
        yesterday = str(day_of(now_ms() - DAY_MS))
        ran = clone.run(
            *(*_COMMAND, "backfill", "--symbols", "ETHUSDT"),
            *("--from", yesterday, "--to", yesterday),
            CRYPTO_HOME=_ODD_NAME,
            CRYPTO_DAGSTER_URL=f"http://127.0.0.1:{ports['dagster']}",
            CRYPTO_EXCHANGE_URL=f"http://127.0.0.1:{exchange_port}",
            CRYPTO_ARCHIVE_URL=f"http://127.0.0.1:{exchange_port}",
            **_PROXIES,
        )
        assert ran.returncode == 0, ran.stderr
    assert (home / "warehouse.db").is_file()
    assert list((home / "dagster" / "history" / "runs").glob("*.db"))
    made = {path.name for path in clone.folder.iterdir()}
    assert {name for name in made if name.startswith("50")} == {_ODD_NAME}
    assert ".crypto-assets" not in made


@pytest.mark.timeout(400)
def test_up_serves_with_a_dotenv_that_sets_every_variable(tmp_path: Path) -> None:
    """As the template of earlier versions did, with `DAGSTER_HOME=` and addresses."""
    exchange = SimulatedExchange(GeneratedCandles(1, False), SimulatedClock(now_ms(), 1))
    ports = choose_ports()
    with start_exchange_server(exchange) as url:
        (tmp_path / "clone").mkdir()
        own = ("EXCHANGE_URL", url), ("ARCHIVE_URL", url), ("INGEST_INTERVAL_MINUTES", "1")
        dotenv = uncomment_example() + "".join(f"CRYPTO_{name}={value}\n" for name, value in own)
        clone = Clone.make(tmp_path / "clone", dotenv)
        with clone.serve(*_COMMAND, "up", *list_options(ports), CRYPTO_HOME=".crypto-live"):
            require_responses(ports)
            dagster = f"http://127.0.0.1:{ports['dagster']}"
            assert wait_for(lambda: _list_successful_runs(dagster))
    home = clone.folder / ".crypto-live"
    assert (home / "warehouse.db").is_file()
    assert not (clone.folder / ".crypto-assets").exists()


def _list_successful_runs(dagster: str) -> list[str]:
    query = "{ runsOrError(filter: {statuses: [SUCCESS]}) { ... on Runs { results { jobName } } } }"
    answer = requests.post(f"{dagster}/graphql", json={"query": query}, timeout=30).json()
    return [run["jobName"] for run in answer["data"]["runsOrError"]["results"]]


@pytest.mark.parametrize(
    "command", [("dagster", "instance", "info"), ("dagster._daemon", "liveness-check")]
)
def test_dagsters_commands_read_a_copied_dotenv_without_harm(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Nothing in it replaces the exported DAGSTER_HOME."""
    (tmp_path / ".env").write_text(text(".env.example"))
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(PROJECT_ROOT / "dagster.yaml", home)
    ran = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env={**os.environ, "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = ran.stdout + ran.stderr
    assert "$DAGSTER_HOME: " in output or "Daemon(s) not running" in output, output
    assert (home / "history").is_dir()
