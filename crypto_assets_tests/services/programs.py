"""Programs of the system: found, or named as missing; run, or shown with what they printed."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


def run_program(
    command: Sequence[str | Path], **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a program and capture its output; fail with this output unless the exit code is 0.

    `subprocess.run(check=True, capture_output=True)` would raise an error without the output.
    """
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
    assert ran.returncode == 0, f"{ran.args} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return ran


def find_program(name: str, package: str) -> str:
    """Return the path of a program; fail with how to install it where it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.fail(
            f"{name} is missing: `make test` installs it on Debian and Ubuntu; elsewhere install "
            f"your system's package of {package} and put it on PATH"
        )
    return found
