"""Monthly partitions, in a separate process, since partitions are defined at import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_RUNS = Path(__file__).with_name("in_months.py")


@pytest.mark.timeout(900)  # several tests in one
def test_runs_in_months() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(_RUNS)],
        env={**os.environ, "CRYPTO_PARTITION_UNIT": "month"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
