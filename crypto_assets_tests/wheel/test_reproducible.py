"""A commit gives the same wheel, source distribution and bill of materials wherever it is built."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.project.test_files import find_machine_names
from crypto_assets_tests.project.test_locks import RUNTIME, entries
from crypto_assets_tests.services.programs import run_program
from crypto_assets_tests.wheel.builds import (
    build_distributions,
    copy_sources,
    find_source_distribution,
    find_wheel,
)


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Distributions from a folder with other modes, times and locale, and with stray files."""
    folder = tmp_path_factory.mktemp("another place with spaces")
    sources = copy_sources(folder / "checkout")
    for path in sources.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o700)
    (sources / "streamlit_app" / ".streamlit" / "secrets.toml").write_text("password = 'x'")
    (sources / "crypto_assets" / "__pycache__").mkdir()
    (sources / "crypto_assets" / "__pycache__" / "errors.cpython-311.pyc").write_bytes(b"x")
    (sources / ".env").write_text("CRYPTO_API_TOKEN=x")
    build_distributions(sources, folder, umask=0o077, TZ="Asia/Tokyo", LC_ALL="C")
    build_distributions(sources, folder / "from the tree", "--wheel", umask=0o002)
    return folder


def test_the_wheel_is_the_same_from_another_folder(wheel: Path, elsewhere: Path) -> None:
    assert digest(find_wheel(elsewhere)) == digest(wheel)


def test_the_wheel_of_the_tree_is_that_of_the_source_distribution(
    wheel: Path, elsewhere: Path
) -> None:
    assert digest(find_wheel(elsewhere / "from the tree")) == digest(wheel)


def test_the_source_distribution_is_the_same_from_another_folder(
    distributions: Path, elsewhere: Path
) -> None:
    first, second = find_source_distribution(distributions), find_source_distribution(elsewhere)
    assert digest(first) == digest(second)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Folders with what `deploy/build-wheel.sh` wrote in two clones."""
    folders = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for folder, umask in zip(folders, (0o022, 0o077), strict=True):
        clone = folder / "clone"
        run_git("clone", "--quiet", str(ROOT), str(clone))
        # The script of the working tree, on the files of the last commit.
        (clone / "deploy" / "build-wheel.sh").write_text(text("deploy/build-wheel.sh"))
        (folder / "printed").write_text(build_release(clone, folder / "dist", umask))
    yield folders


def run_git(*words: str) -> None:
    # Accept a checkout that belongs to another user, as in CI.
    accept = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    subprocess.run(["git", *words], env={**os.environ, **accept}, check=True)


def build_release(clone: Path, target: Path, umask: int) -> str:
    script = str(clone / "deploy" / "build-wheel.sh")
    environment = {**os.environ, "PYTHON": sys.executable}
    return run_program(["sh", script, str(target)], env=environment, umask=umask).stdout


def test_two_releases_of_a_commit_are_the_same(releases: tuple[Path, Path]) -> None:
    first, second = (
        {path.name: digest(path) for path in (folder / "dist").iterdir()} for folder in releases
    )
    assert first == second
    assert [Path(one).suffix for one in sorted(first)] == [".whl", ".json", ".gz"]


def test_a_release_prints_its_digests(releases: tuple[Path, Path]) -> None:
    for folder in releases:
        printed = dict(
            reversed(line.split()) for line in (folder / "printed").read_text().splitlines()
        )
        assert printed == {path.name: digest(path) for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def bill(releases: tuple[Path, Path]) -> str:
    (path,) = (releases[0] / "dist").glob("*.cdx.json")
    return path.read_text()


def test_the_bill_of_materials_is_valid(bill: str) -> None:
    # Importing it takes a second, which other tests need not wait.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(bill) is None
    assert validator.validate_str(bill.replace('"components"', '"componentz"')) is not None


def test_the_bill_of_materials_lists_the_locked_packages_with_their_hashes(bill: str) -> None:
    components: list[dict[str, Any]] = json.loads(bill)["components"]
    listed = {
        one["purl"]: sorted(
            digest["content"]
            for reference in one["externalReferences"]
            for digest in reference["hashes"]
        )
        for one in components
    }
    locked = {
        f"pkg:pypi/{requirement.name}@{str(requirement.specifier).removeprefix('==')}": sorted(
            digest.removeprefix("sha256:") for digest in digests
        )
        for requirement, digests in entries(RUNTIME)
    }
    assert listed == locked


def test_the_bill_of_materials_names_the_project_and_what_it_requires(bill: str) -> None:
    content = json.loads(bill)
    root = content["metadata"]["component"]
    assert re.fullmatch(r"pkg:pypi/crypto-assets@[\d.]+", root["purl"])
    (required,) = (
        one["dependsOn"] for one in content["dependencies"] if one["ref"] == root["bom-ref"]
    )
    packages = {one.removeprefix("pkg:pypi/").partition("@")[0] for one in required}
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert packages == {Requirement(one).name for one in project["dependencies"]}


def test_the_bill_of_materials_contains_no_registry_and_no_path_of_a_machine(
    bill: str, releases: tuple[Path, Path]
) -> None:
    assert find_machine_names(bill) == []
    assert str(releases[0].parent) not in bill
