"""The fast tier starts no server and no browser, and needs no root."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto_assets_tests import tiers
from crypto_assets_tests.project.repository import ROOT
from crypto_assets_tests.services import s3
from crypto_assets_tests.services.programs import find_program

# Of each, some tests are fast and others need a server.
MIXED = ("lake/test_interface.py", "warehouse/quality", "reports/test_flow.py")
LONG_TEST = """
import pytest
from crypto_assets_tests import tiers

def test_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "MAX_CPU_SECONDS", 0.0)
    sum(range(1_000_000))
"""


def run_pytest(
    *arguments: str, prefix: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("services.mariadb", "start_server", True),
        ("services.s3", "start_seaweedfs", True),
        ("services.dagster_tree", "Tree", True),
        ("proofs.served", "serve", True),
        ("streamlit_app.dagster_app", "controlled_app", True),
        ("streamlit_app.screenshots", "main", True),
        ("streamlit_app.conftest", "make_home", False),
        ("cli.conftest", "Desk", True),
        ("defs.test_runs", "run", True),
        ("api.serving", "serve_api", False),
        ("project.repository", "files", False),
    ],
)
def test_a_function_that_starts_a_program_is_recognized(
    module: str, name: str, expected: bool
) -> None:
    function = getattr(importlib.import_module(f"crypto_assets_tests.{module}"), name)
    assert tiers.starts_programs(function) is expected


def test_a_fast_test_cannot_start_a_program(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("fast")
    hidden = importlib.import_module("sub" + "process")
    with pytest.raises(pytest.fail.Exception, match="a fast test started true: mark it with"):
        hidden.run(["true"])
    assert hidden.run(["git", "--version"], stdout=hidden.DEVNULL).returncode == 0


def test_a_fast_test_that_takes_long_fails(tmp_path: Path) -> None:
    (tmp_path / "test_long.py").write_text(LONG_TEST)
    ran = run_pytest("-p", "crypto_assets_tests.tiers", "--rootdir", str(tmp_path), str(tmp_path))
    assert ran.returncode == 1, ran.stdout
    assert "of processor time: mark it with pytest.mark.slow" in ran.stdout


def test_the_fast_tier_runs_without_servers_and_without_root(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    ran = run_pytest(
        *("-m", "fast", f"--basetemp={tmp_path / 'own'}", "-rN"),
        *(f"crypto_assets_tests/{name}" for name in MIXED),
        prefix=without_privileges(),
        PATH=str(programs),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed, deselected = (int(word) for word in ran.stdout.split() if word.isdigit())
    assert passed > 40
    assert deselected > 40


@pytest.mark.parametrize("find", [find_program, s3.find_python_program])
def test_a_test_whose_server_is_missing_fails_with_advice(
    find: Callable[[str, str], object],
) -> None:
    with pytest.raises(pytest.fail.Exception, match="no-server is missing: `make test` installs"):
        find("no-server", "no-package")


def without_privileges() -> tuple[str, ...]:
    """Return a command prefix that takes away what root may do and other users may not."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv is missing: `apt-get install util-linux`"
    return (setpriv, "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")
