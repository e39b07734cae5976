"""The services of docker-compose.yml in podman: created by podman-compose, started one by one.

podman-compose reads the compose file as it is. It leaves out the dependencies, because podman's own
would start one service with another; here each can be started and stopped in any order.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from podman_compose import str_to_seconds

from crypto_assets_tests.project.repository import ROOT, files
from crypto_assets_tests.services.programs import run_program

# Of a service on a busy machine: MySQL creates its files, or the code server loads all definitions.
HEALTHY_SECONDS = 240.0
_PROJECT = "crypto-assets"

Seen = TypeVar("Seen")


def wait_for(look: Callable[[], Seen], seconds: float, what: str) -> Seen:
    """Return the first true result of `look`; raise AssertionError after the timeout."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.5)
    return seen


def copy_project(target: Path) -> None:
    """Copy the files that git knows, without `.env` and what else a developer's folder has."""
    for path in files():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(path.stat().st_mode & 0o777)


def sort_by_dependencies(services: dict[str, Any]) -> list[str]:
    """Return the names of services, each after those that it depends on."""
    ordered: list[str] = []
    while left := [name for name in services if name not in ordered]:
        ready = [name for name in left if set(services[name].get("depends_on", ())) <= {*ordered}]
        assert ready, f"services wait for one another: {left}"
        ordered += ready
    return ordered


@dataclass(frozen=True)
class ComposeStack:
    """The services of the compose file in a folder, with the profile `demo`."""

    folder: Path

    @cached_property
    def services(self) -> dict[str, Any]:
        """The services that `up` starts, in the order of their dependencies."""
        found = yaml.safe_load((self.folder / "docker-compose.yml").read_text())["services"]
        started = {
            name: service
            for name, service in found.items()
            if set(service.get("profiles", ["demo"])) == {"demo"}
        }
        return {name: started[name] for name in sort_by_dependencies(started)}

    @property
    def lasting(self) -> list[str]:
        """The services that do not end by themselves."""
        return [name for name, one in self.services.items() if one["restart"] != "no"]

    def create(self) -> None:
        """Create all containers, networks and volumes without starting a service."""
        self._compose("up", "--no-start", "--no-deps", "--no-build", "--pull", "never")

    def run_once(self, service: str, *command: str) -> str:
        """Run a service of another profile to its end, and return its output."""
        return self._compose("run", "--rm", "--no-deps", service, *command, profile=service)

    def start_in_order(self) -> None:
        """Start each service when those that it depends on are ready, and wait for all."""
        ready: set[str] = set()
        for name, service in self.services.items():
            for waited_for in [one for one in service.get("depends_on", ()) if one not in ready]:
                self.wait_until_ready(waited_for)
                ready.add(waited_for)
            self.start([name])
        for name in [one for one in self.services if one not in ready]:
            self.wait_until_ready(name)

    def start(self, names: Iterable[str]) -> None:
        """Start services without waiting for any."""
        for name in names:
            run_program(["podman", "start", self.container(name)])

    def stop(self, names: Iterable[str]) -> None:
        """Stop services one after the other, each with the time that the compose file gives it."""
        for name in names:
            seconds = str_to_seconds(self.services[name].get("stop_grace_period", "10s"))
            run_program(["podman", "stop", "--time", str(seconds), self.container(name)])

    def wait_until_ready(self, name: str) -> None:
        """Wait until a service is healthy, or until one that ends by itself has succeeded."""
        if self.services[name]["restart"] == "no":
            code = run_program(["podman", "wait", self.container(name)]).stdout.strip()
            assert code == "0", f"{name} ended with {code}:\n{self.read_log(name)}"
            return
        try:
            wait_for(lambda: self.is_healthy(name), HEALTHY_SECONDS, f"{name} is healthy")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.read_log(name)}") from error

    def is_healthy(self, name: str) -> bool:
        """Run the healthcheck of a service, whose container may be between two attempts."""
        checked = subprocess.run(
            ["podman", "healthcheck", "run", self.container(name)], capture_output=True
        )
        return checked.returncode == 0

    def execute(self, name: str, *command: str) -> str:
        """Run a program in the container of a service, and return what it printed."""
        return run_program(["podman", "exec", self.container(name), *command]).stdout

    def inspect(self, name: str) -> dict[str, Any]:
        shown = run_program(["podman", "inspect", self.container(name)]).stdout
        (described,) = json.loads(shown)
        return dict(described)

    def read_log(self, name: str) -> str:
        command = ["podman", "logs", "--tail", "60", self.container(name)]
        read = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return read.stdout

    def container(self, name: str) -> str:
        return f"{_PROJECT}_{name}_1"

    def _compose(self, *arguments: str, profile: str = "demo") -> str:
        program = [sys.executable, "-m", "podman_compose", "--in-pod=false", "-p", _PROJECT]
        # A single pass: podman creates networks one after the other.
        command = [*program, "--no-ansi", "--profile", profile, *arguments]
        return run_program(command, cwd=self.folder).stdout


def remove_containers() -> None:
    """Remove the containers, volumes and networks of an earlier call, and of a killed build."""
    run_program(["buildah", "rm", "--all"])
    run_program(["podman", "rm", "--force", "--all", "--volumes", "--time", "0"])
    run_program(["podman", "volume", "rm", "--force", "--all"])
    run_program(["podman", "network", "prune", "--force"])
