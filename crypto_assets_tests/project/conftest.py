"""Fixtures: the services of docker-compose.yml, and a copy of the deployment's scripts."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml

from crypto_assets_tests.project.repository import ROOT, text

WORKERS = {"redis", "worker-ticks", "worker-backfills"}
OUR_IMAGES = ("crypto-assets", "crypto-assets-runs")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


@dataclass(frozen=True)
class Checkout:
    """A copy of the script of the secrets with its own `.env`."""

    folder: Path

    def write_secrets(self, dotenv: bytes) -> "subprocess.CompletedProcess[str]":
        (self.folder / ".env").write_bytes(dotenv)
        return subprocess.run(
            ["sh", str(self.folder / "deploy/write-secrets.sh")],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    def read_secret(self, name: str) -> str:
        return (self.folder / ".secrets" / name).read_text().removesuffix("\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    copytree(ROOT / "deploy", tmp_path / "deploy")
    return Checkout(tmp_path)
