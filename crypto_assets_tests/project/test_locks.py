"""Both lock files pin every package by hash without addresses, and satisfy pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from crypto_assets_tests.project.repository import text

RUNTIME = "requirements.lock"
DEV = "requirements-dev.lock"

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


@pytest.mark.parametrize("lock", [RUNTIME, DEV])
def test_every_package_is_pinned_by_sha256(lock: str) -> None:
    for requirement, hashes in entries(lock):
        assert re.fullmatch(r"==[\w.!+-]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), requirement


@pytest.mark.parametrize("lock", [RUNTIME, DEV])
def test_no_lock_contains_an_address_or_an_option(lock: str) -> None:
    lines = text(lock).splitlines()
    assert [line for line in lines if "://" in line or line.startswith("-")] == []


@pytest.mark.parametrize("lock", [RUNTIME, DEV])
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


@pytest.mark.parametrize(("lock", "group"), [(RUNTIME, None), (DEV, None), (DEV, "dev")])
def test_the_locks_satisfy_the_project(lock: str, group: str | None) -> None:
    project = tomllib.loads(text("pyproject.toml"))
    asked = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    pinned = pins(lock)
    for requirement in map(Requirement, asked):
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not locked: run `make lock`"
        for version in versions:
            assert requirement.specifier.contains(version.removeprefix("==")), requirement
