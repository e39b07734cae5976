"""Fixtures: distributions of the working tree, and an installation of the wheel."""

from pathlib import Path

import pytest

from crypto_assets_tests.wheel.builds import build_distributions, copy_sources, find_wheel
from crypto_assets_tests.wheel.installation import Installation


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution of the working tree and the wheel built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    build_distributions(copy_sources(folder / "sources"), folder)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    return find_wheel(distributions)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installation:
    return Installation.create(tmp_path_factory.mktemp("installation"), wheel)
