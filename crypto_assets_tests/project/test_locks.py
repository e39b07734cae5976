"""The lock files pin every package by hash without addresses, and satisfy pyproject.toml.

Two of them hold the newest set of Dagster's packages, one the oldest supported set. The constants
of the package, the docs and the forge's workflows name the same versions.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from crypto_assets.dagster_ext.private_api import NEWEST_DAGSTER, OLDEST_DAGSTER
from crypto_assets_tests.project.repository import files, name, text
from crypto_assets_tests.services.programs import run_program

RUNTIME = "requirements.lock"
DEV = "requirements-dev.lock"
OLDEST = "requirements-dagster-oldest.lock"
RUNS = "requirements-runs.lock"

Pins = dict[str, list[str]]


def entries(lock: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Split a lock file into requirements with their hashes."""
    for entry in re.split(r"\n(?=\S)", text(lock).replace("\\\n", " ").strip()):
        requirement, *hashes = entry.split(" --hash=")
        yield Requirement(requirement.strip()), [one.strip() for one in hashes]


def pins(lock: str) -> Pins:
    found: Pins = {}
    for requirement, _ in entries(lock):
        name = canonicalize_name(requirement.name)
        found.setdefault(name, []).append(str(requirement.specifier))
    return found


def declared() -> list[Requirement]:
    return [Requirement(one) for one in project()["project"]["dependencies"]]


def project() -> dict[str, Any]:
    return tomllib.loads(text("pyproject.toml"))


@pytest.mark.parametrize("lock", [RUNTIME, RUNS, DEV, OLDEST])
def test_every_package_is_pinned_by_sha256(lock: str) -> None:
    for requirement, hashes in entries(lock):
        assert re.fullmatch(r"==[\w.!+-]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement


@pytest.mark.parametrize("lock", [RUNTIME, RUNS, DEV, OLDEST])
def test_no_lock_contains_an_address_or_an_option(lock: str) -> None:
    lines = text(lock).splitlines()
    assert [line for line in lines if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("lock", [RUNTIME, RUNS, DEV, OLDEST])
def test_pip_and_the_build_system_are_pinned(lock: str) -> None:
    build_system = tomllib.loads(text("pyproject.toml"))["build-system"]["requires"]
    pinned = pins(lock)
    assert "pip" in pinned
    for requirement in map(Requirement, build_system):
        (version,) = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version.removeprefix("==")), requirement


def test_the_second_lock_contains_the_first() -> None:
    runtime, dev = pins(RUNTIME), pins(DEV)
    assert {name: dev.get(name) for name in runtime} == runtime


def test_runs_get_all_dependencies_but_those_of_servers_with_the_same_pins() -> None:
    runtime, runs = pins(RUNTIME), pins(RUNS)
    assert {name: runtime.get(name) for name in runs} == runs
    left_out = set(project()["tool"]["crypto-assets"]["server-packages"])
    assert {"streamlit", "plotly", "dagster-webserver"} <= left_out
    asked = {canonicalize_name(one.name) for one in declared()}
    assert asked - runs.keys() == left_out


# Imports what runs need without the packages that their image does not have.
IMPORT_WITHOUT_SERVERS = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {left_out!r}:
            raise ModuleNotFoundError(name + " is a package of servers")

sys.meta_path.insert(0, Refusing())
import crypto_assets.definitions
import crypto_assets.dagster_ext.daemon
import crypto_assets.pipeline.control.price_alerts
from crypto_assets.analytics.registry import find_providers
from crypto_assets.cli import main
from dagster._cli import main as dagster

crypto_assets.definitions.defs.get_repository_def().get_all_jobs()
find_providers()
commands = ("init", "backup", "restore", "verify", "backfill", "rebuild", "retain", "status")
calls = [(main, ["crypto-assets", command]) for command in commands]
for command in (("instance", "migrate"), ("code-server", "start")):
    calls.append((dagster, ["dagster", *command]))
for program, words in calls:
    sys.argv = [*words, "--help"]
    try:
        program()
    except SystemExit as end:
        assert not end.code
try:
    import streamlit
except ModuleNotFoundError:
    print("refused")
"""


def test_runs_import_no_package_of_servers() -> None:
    missing = pins(RUNTIME).keys() - pins(RUNS).keys()
    left_out = {
        module
        for module, names in packages_distributions().items()
        if {canonicalize_name(one) for one in names} <= missing
    }
    assert {"streamlit", "plotly", "dagster_webserver", "fastapi"} <= left_out
    script = IMPORT_WITHOUT_SERVERS.replace("{left_out!r}", repr(left_out))
    assert run_program([sys.executable, "-c", script]).stdout.endswith("refused\n")


@pytest.mark.parametrize(
    ("lock", "has_group"), [(RUNTIME, False), (DEV, True), (OLDEST, True)], ids=lambda one: str(one)
)
def test_the_locks_satisfy_the_project(lock: str, has_group: bool) -> None:
    asked = [Requirement(one) for one in project()["dependency-groups"]["dev"]] if has_group else []
    pinned = pins(lock)
    for requirement in [*declared(), *asked]:
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not locked: run `make lock`"
        for version in versions:
            assert requirement.specifier.contains(version.removeprefix("==")), requirement


def test_the_locks_hold_the_oldest_and_the_newest_supported_dagster() -> None:
    """The lower bounds in pyproject.toml are what the tests run with, for all of its packages."""
    oldest, newest = pins(OLDEST), pins(DEV)
    assert oldest["dagster"] == [f"=={OLDEST_DAGSTER}"]
    assert newest["dagster"] == [f"=={NEWEST_DAGSTER}"]
    for requirement in declared():
        if requirement.name.startswith("dagster"):
            (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
            (pinned,) = oldest[requirement.name]
            assert Version(pinned.removeprefix("==")) == Version(bound), requirement


def test_the_two_environments_differ_in_dagster_only() -> None:
    """So that a test that fails in one of them shows a difference between versions of Dagster."""
    oldest, newest = pins(OLDEST), pins(DEV)
    asked = {canonicalize_name(one.name) for one in declared()}
    asked |= {
        canonicalize_name(Requirement(one).name) for one in project()["dependency-groups"]["dev"]
    }
    others = {name for name in asked if not name.startswith("dagster")}
    assert {name: oldest[name] for name in others} == {name: newest[name] for name in others}


def test_docs_and_workflows_name_no_other_version_of_dagster() -> None:
    supported = {OLDEST_DAGSTER, NEWEST_DAGSTER}
    series = OLDEST_DAGSTER.rpartition(".")[0]
    found = {
        f"{name(path)}: {version}"
        for path in files("README.md", "docs/*.md", ".github/**/*.yml", "Makefile", ".ci/run")
        for version in re.findall(rf"(?<![\d.]){re.escape(series)}\.\d+", path.read_text())
        if version not in supported
    }
    assert found == set()
    operations = text("docs/operations.md")
    assert f"from {OLDEST_DAGSTER} to {NEWEST_DAGSTER}" in operations
    (bounds,) = [str(one.specifier) for one in declared() if one.name == "dagster"]
    assert bounds == "<1.15,>=1.13"
    assert "`>=1.13,<1.15`" in operations


def test_the_workflows_run_the_tests_with_the_oldest_dagster() -> None:
    workflows = "".join(path.read_text() for path in files(".github/workflows/*.yml"))
    assert "make test-dagster" in workflows
