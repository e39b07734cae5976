"""A home whose disk is full: one line says so, whatever could not be written."""

import subprocess
import sys

import pytest

from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange

DAYS = ("--from", "2025-02-20", "--to", "2025-03-04")
# Mounts a small file system in a mount namespace of its own, which ends with the command.
_IN_SMALL_HOME = """
mkdir -p "$CRYPTO_HOME" && mount -t tmpfs -o size=$1 none "$CRYPTO_HOME" || exit 99
"$2" -m crypto_assets init && shift 2 && "$0" -m crypto_assets backfill "$@"
"""


def run_in_small_home(desk: Desk, size: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            *("unshare", "--map-root-user", "--mount", "sh", "-c", _IN_SMALL_HOME),
            *(sys.executable, size, sys.executable, *DAYS),
        ],
        env=dict(desk.environment),
        capture_output=True,
        text=True,
        timeout=200,
    )


# The larger the disk, the later the write that fails: in Dagster's files, the lake, the warehouse.
@pytest.mark.parametrize("size", ["700k", "1100k", "3m"])
def test_a_full_disk(make_desk: MakeDesk, simulated_exchange: StartExchange, size: str) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    ran = run_in_small_home(desk, size)
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    lines = [line for line in ran.stderr.splitlines() if line.startswith("crypto-assets: ")]
    assert len(lines) == 1, ran.stderr
    assert "disk" in lines[0] or "No space left" in lines[0]
