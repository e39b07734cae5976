"""A Prometheus that scrapes one address every second, with the project's alert rules."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import requests
import yaml

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services.lifetime import with_parent
from crypto_assets_tests.services.programs import find_program

_FOLDER = ROOT / "deploy" / "prometheus"
_READY_SECONDS = 60


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, expression: str) -> list[Any]:
        """Return the current result of an expression; fails for one that is invalid."""
        answer = requests.get(
            f"{self.url}/api/v1/query", params={"query": expression}, timeout=30
        ).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result: list[Any] = answer["data"]["result"]
        return result


@contextmanager
def serve_prometheus(target: str, folder: Path, pending: str | None = None) -> Iterator[Prometheus]:
    """Start one that scrapes `target`, a host and a port, with the project's configuration.

    With `pending`, such as "10s", all alerts fire after that time.
    """
    config = yaml.safe_load((_FOLDER / "prometheus.yml").read_text())
    # A scrape may take as long as the interval; one that fails hides all figures until the next.
    # Figures of a part that does not respond take seconds, which a short interval would not wait.
    interval = "10s" if pending else "3s"
    config["global"] = {"scrape_interval": interval, "evaluation_interval": "1s"}
    config["rule_files"] = [str(_write_rules(folder, pending))]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{require_free_port(0)}"
    process = Popen(
        [
            *with_parent(),
            find_program("prometheus", "prometheus"),
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
    )
    try:
        server = Prometheus(f"http://{address}")
        _wait_until_ready(server, process)
        yield server
    finally:
        process.terminate()
        process.wait()


def _write_rules(folder: Path, pending: str | None) -> Path:
    rules = yaml.safe_load((_FOLDER / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"] if pending else ():
        # What takes days stays as it is.
        if not rule.get("for", "0m").endswith("d"):
            rule["for"] = pending
    file = folder / "alerts.yml"
    file.write_text(yaml.safe_dump(rules))
    return file


def _wait_until_ready(server: Prometheus, process: "Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{server.url}/-/ready", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("Prometheus did not start")
