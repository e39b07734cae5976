"""Runs the services of docker-compose.yml without Docker, as processes of this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import yaml

from crypto_assets_tests.project.repository import ROOT, text

Service = dict[str, Any]


def require_valid_compose(config: dict[str, Any]) -> None:
    """Fail unless a file's content matches the schema of Compose."""
    import jsonschema  # a second, which other tests need not wait for

    vendored = package_files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    try:
        jsonschema.validate(config, json.loads(vendored.read_text()))
    except jsonschema.ValidationError as error:
        raise AssertionError(error.message) from None


def interpolate(value: str, variables: Mapping[str, str]) -> str:
    """Replace `${NAME:-default}` and `${NAME:?message}` as Compose does, also in a default."""

    def replace(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if found := variables.get(name):
            return found
        if kind == ":?":
            raise KeyError(f"{name}: {rest}")
        return rest or ""

    count = 1
    while count:
        value, count = re.subn(r"\$\{(\w+)(?:(:[-?])([^${}]*))?\}", replace, value)
    return value


@dataclass
class Machine:
    """The services, the addresses that replace their names, and the folder of their logs."""

    variables: Mapping[str, str]
    places: Mapping[str, str]
    ports: Mapping[str, str]
    extra: Mapping[str, str]
    logs: Path
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def service(self, name: str) -> Service:
        found: Service = yaml.safe_load(text("docker-compose.yml"))["services"][name]
        return found

    def here(self, value: str) -> str:
        """Replace the services' addresses in a value of the compose file by this machine's."""
        value = interpolate(value, self.variables)
        if value in self.ports:
            return self.ports[value]
        for theirs, ours in self.places.items():
            value = value.replace(theirs, ours)
        return value

    def environment(self, name: str) -> dict[str, str]:
        asked = {key: self.here(value) for key, value in self.service(name)["environment"].items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        home = os.environ.get("HOME", "")
        return {**asked, **self.extra, "PATH": path, "HOME": home, "PYTHONUNBUFFERED": "1"}

    def run(self, name: str) -> subprocess.CompletedProcess[bytes]:
        """Run a service that ends by itself."""
        return self._call(name, [self.here(word) for word in self.service(name)["command"]])

    def start(self, name: str, program: Sequence[str] = (), host: str = "") -> None:
        """Start a service; `program` replaces the program or the module of its command.

        With `host` it runs under this host name, and is `NAME@HOST` among the running services.
        """
        command = [self.here(word) for word in self.service(name)["command"]]
        arguments = command[3:] if command[1] == "-m" else command[1:]
        place = ["unshare", "-u", "sh", "-c", 'hostname "$0" && exec "$@"', host] if host else []
        key = f"{name}@{host}" if host else name
        with (self.logs / f"{key}.log").open("wb") as output:
            self.running[key] = subprocess.Popen(
                [*place, *([*program, *arguments] if program else command)],
                cwd=ROOT,
                env=self.environment(name),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_heed_signals,
            )

    def healthy(self, name: str) -> bool:
        """Run the service's healthcheck while the service runs."""
        assert self.running[name].poll() is None, self.output(name)
        kind, *command = self.service(name)["healthcheck"]["test"]
        assert kind == "CMD"
        return self._call(name, [self.here(word) for word in command]).returncode == 0

    def output(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()[-4000:]

    def read_log(self, name: str) -> list[bytes]:
        """Read all lines that a service has written."""
        return (self.logs / f"{name}.log").read_bytes().splitlines()

    def stop(self, seconds: float) -> list[str]:
        """Send SIGTERM to every service, and return those that did not end."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.alive()

    def alive(self) -> list[str]:
        return [name for name, process in self.running.items() if process.poll() is None]

    def kill(self) -> None:
        """Kill the remaining services and their child processes."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _call(self, name: str, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment(name),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )


def _heed_signals() -> None:
    """Restore SIGINT as in a container; if it is ignored, Dagster ignores SIGTERM too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
