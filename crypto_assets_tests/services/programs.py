"""Programs that must succeed: a failure shows what they printed."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def run_program(
    command: Sequence[str | Path], **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a program and capture its output; fail with this output unless the exit code is 0.

    `subprocess.run(check=True, capture_output=True)` would raise an error without the output.
    """
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
    assert ran.returncode == 0, f"{ran.args} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return ran
