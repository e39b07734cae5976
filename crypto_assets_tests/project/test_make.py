"""Every make target is listed and documented, and reports missing requirements."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from crypto_assets_tests.project.repository import ROOT, files, text


def targets() -> list[str]:
    (declared,) = re.findall(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)
    return declared.split()


def run_make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=folder, capture_output=True, text=True
    )


def test_make_alone_lists_every_target_in_one_line_each() -> None:
    answer = run_make()
    assert answer.returncode == 0, answer.stderr
    listed = [line.split()[1] for line in answer.stdout.splitlines()]
    assert listed == targets()
    assert all(len(line.split()) > 3 for line in answer.stdout.splitlines())


def test_every_rule_of_the_makefile_is_a_listed_target_or_a_file() -> None:
    rules = re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.MULTILINE)
    assert sorted(rules) == sorted(targets())


@pytest.mark.parametrize("target", targets())
def test_every_target_is_documented(target: str) -> None:
    pages = "\n".join(path.read_text() for path in files("README.md", "docs/*.md"))
    assert re.search(rf"make {re.escape(target)}\b(?!-)", pages)


@pytest.fixture
def bare_project(tmp_path: Path) -> Path:
    """A folder with the files that `make setup` reads, without a virtual environment."""
    (tmp_path / "deploy").mkdir()
    for file in ("Makefile", "pyproject.toml", "requirements.lock", "deploy/make-venv.sh"):
        (tmp_path / file).write_text(text(file))
    return tmp_path


@pytest.mark.parametrize(
    ("fake", "complaint"),
    [
        ('case "$*" in *version_info*) exit 1;; *) echo Python 3.9.2;; esac', "3.9.2 is too old"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "apt-get install python3-venv"),
    ],
)
def test_an_unsuitable_python_is_rejected_with_advice(
    bare_project: Path, fake: str, complaint: str
) -> None:
    python = bare_project / "fake-python"
    python.write_text(f"#!/bin/sh\n{fake}\n")
    python.chmod(0o755)
    answer = run_make("setup", f"PYTHON={python}", folder=bare_project)
    assert answer.returncode != 0
    assert complaint in answer.stderr
    assert not (bare_project / ".venv").exists()


def test_a_missing_python_is_rejected_with_advice(bare_project: Path) -> None:
    answer = run_make("setup", "PYTHON=no-such-python", folder=bare_project)
    assert answer.returncode != 0
    assert "no-such-python not found: install Python 3.11" in answer.stderr


def test_an_up_to_date_environment_is_not_reinstalled(bare_project: Path) -> None:
    (bare_project / ".venv").mkdir()
    (bare_project / ".venv" / "runtime-installed").touch()
    answer = run_make("setup", "PYTHON=no-such-python", folder=bare_project)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_requirement_installs_again(bare_project: Path, changed: str) -> None:
    stamp = bare_project / ".venv" / "runtime-installed"
    stamp.parent.mkdir()
    stamp.touch()
    newer = stamp.stat().st_mtime + 10
    (bare_project / changed).touch()
    os.utime(bare_project / changed, (newer, newer))
    answer = run_make("setup", "PYTHON=no-such-python", folder=bare_project)
    assert "no-such-python not found" in answer.stderr
