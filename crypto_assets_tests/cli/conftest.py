"""Runs the command in a separate process with its own environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets_tests.services.command_server import run_command
from crypto_assets_tests.services.exchange import ExchangeServer

COMMAND = [sys.executable, "-m", "crypto_assets"]


@dataclass(frozen=True)
class Ran:
    """The exit code and the output of the command."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The error message; fails unless it is one line without a traceback."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@dataclass(frozen=True)
class Desk:
    """A home, and the environment of the commands that use it."""

    home: Path
    environment: Mapping[str, str]

    def run(self, *words: str, **changes: str) -> Ran:
        """Run `crypto-assets WORDS` to its end with changed environment variables."""
        done = run_command(words, {**self.environment, **changes}, timeout=240)
        return Ran(done.returncode, done.stdout, done.stderr)

    def copy_to(self, home: Path, exchange_url: str) -> "Desk":
        """Copy the home, for the same exchange at another address."""
        shutil.copytree(self.home, home)
        changes = {"HOME": str(home), "EXCHANGE_URL": exchange_url, "ARCHIVE_URL": exchange_url}
        changed = {f"CRYPTO_{name}": value for name, value in changes.items()}
        return Desk(home, {**self.environment, **changed})

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start the command in the background without output; the caller ends it."""
        return subprocess.Popen(
            [*COMMAND, *words],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(tmp_path: Path) -> MakeDesk:
    """`make_desk(exchange, SYMBOLS="BTCUSDT", …)`: settings without their prefix."""

    def make(server: ExchangeServer | str, **settings: str) -> Desk:
        url = server if isinstance(server, str) else server.url
        return desk_at(tmp_path / f"home-{len(list(tmp_path.iterdir()))}", url, **settings)

    return make


def desk_at(home: Path, exchange_url: str, **settings: str) -> Desk:
    """A desk with these settings and none of this process's."""
    own = {
        "HOME": str(home),
        "SYMBOLS": "BTCUSDT",
        "EXCHANGE_URL": exchange_url,
        "ARCHIVE_URL": exchange_url,
        # Nothing listens there, so a backfill runs in the command's process.
        "DAGSTER_URL": "http://127.0.0.1:9",
        **settings,
    }
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CRYPTO_", "DAGSTER_", "AWS_"))
    }
    return Desk(home, {**inherited, **{f"CRYPTO_{name}": value for name, value in own.items()}})


def fill_desk(folder: Path, clock: SimulatedClock, *days: str) -> Desk:
    """A desk below `folder` with days of BTCUSDT, from an exchange that has ended since."""
    with start_exchange_server(SimulatedExchange(GeneratedCandles(1, False), clock)) as url:
        desk = desk_at(folder / "home", url)
        assert desk.run("init").code == 0
        assert desk.run("backfill", *days).code == 0
    return desk
