"""Owners and code references of all assets, from a clone and from an installed package."""

import json
import os
import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crypto_assets_tests.project.repository import ROOT, copy_folder

# Prints the owners of assets and jobs, and the code references of assets, as JSON.
_PRINT_ATTRIBUTES = """
import json
import warnings
import dagster as dg
warnings.simplefilter("error", dg.BetaWarning)
from crypto_assets.definitions import defs
repository = defs.get_repository_def()
nodes = list(repository.asset_graph.asset_nodes)
jobs = [job for job in repository.get_all_jobs() if job.name != "__ASSET_JOB"]
print(json.dumps({
    "owners": {node.key.to_user_string(): list(node.owners) for node in nodes},
    "job_owners": {job.name: list(getattr(job, "owners", None) or ()) for job in jobs},
    "sources": {node.key.to_user_string(): [
        getattr(each, "url", None) or f"{each.file_path}#L{each.line_number}"
        for each in node.metadata["dagster/code_references"].code_references
    ] for node in nodes},
}))
"""
_FUNCTIONS = {
    "fact_klines": ("defs/assets/klines.py", "def klines_assets("),
    "raw_order_book": ("defs/assets/order_books.py", "def build_order_books_op("),
    "retention": ("defs/assets/maintenance.py", "def retention("),
}


def load_attributes(home: Path, package_parent: Path, **settings: str) -> dict[str, Any]:
    """Load the definitions of the package in a folder; a beta warning is an error."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CRYPTO_")},
        "CRYPTO_HOME": str(home),
        "PYTHONPATH": str(package_parent),
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_ATTRIBUTES],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    attributes: dict[str, Any] = json.loads(done.stdout)
    return attributes


def find_definition_line(path: Path, start: str) -> int:
    """Return the number of a function's line, or of its decorator's if it has one."""
    lines = [line.lstrip() for line in path.read_text().splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith(start))
    if not lines[at - 1].startswith((")", "@")):
        return at + 1
    return max(number for number in range(at) if lines[number].startswith("@dg.")) + 1


@pytest.fixture(params=["clone", "installed"])
def package_parent(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of the package: the repository, or a site-packages with a copy."""
    if request.param == "clone":
        return ROOT
    site = tmp_path / "site-packages"
    copy_folder(ROOT / "crypto_assets", site / "crypto_assets")
    return site


def test_without_settings_assets_link_to_their_files(package_parent: Path, tmp_path: Path) -> None:
    attributes = load_attributes(tmp_path, package_parent)
    assert not any(attributes["owners"].values())
    assert not any(attributes["job_owners"].values())
    assert all(len(sources) == 1 for sources in attributes["sources"].values())
    for asset, (file, start) in _FUNCTIONS.items():
        path = package_parent / "crypto_assets" / file
        line = find_definition_line(path, start)
        assert attributes["sources"][asset] == [f"{path}#L{line}"]


@pytest.mark.parametrize(
    "branch",
    ["https://github.com/me/crypto-assets/tree/v1.0", "https://git.example/x/y/-/tree/main"],
)
def test_with_settings_assets_have_owners_and_link_to_the_repository(
    package_parent: Path, tmp_path: Path, branch: str
) -> None:
    owners = ["team:desk", "me@home.net"]
    attributes = load_attributes(
        tmp_path, package_parent, CRYPTO_OWNERS=",".join(owners), CRYPTO_SOURCE_URL=branch
    )
    assert {"fact_klines", "retention"} <= attributes["owners"].keys()
    assert all(each == owners for each in attributes["owners"].values())
    assert {"ingest", "backfill", "maintenance"} <= attributes["job_owners"].keys()
    of_jobs = owners if "owners" in signature(dg.define_asset_job).parameters else []
    assert all(each == of_jobs for each in attributes["job_owners"].values())
    for asset, (file, start) in _FUNCTIONS.items():
        line = find_definition_line(ROOT / "crypto_assets" / file, start)
        assert attributes["sources"][asset] == [f"{branch}/crypto_assets/{file}#L{line}"]
