"""Fixtures for all tests: the real servers; the tiers; the order of the files."""

import gc
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from crypto_assets.python_gc import freeze_loaded_objects
from crypto_assets.settings import get_settings

pytest_plugins = [
    "crypto_assets_tests.tiers",
    "crypto_assets_tests.services.certificates",
    "crypto_assets_tests.services.mariadb",
    "crypto_assets_tests.services.galera",
    "crypto_assets_tests.services.s3",
    "crypto_assets_tests.services.exchange",
    "crypto_assets_tests.services.chromium",
]

# Otherwise garbage collections take a tenth of the time of the imports and of the fast tests.
gc.set_threshold(50_000, 20, 20)
gc.disable()  # until all tests are imported
# An example that is slow, on a busy machine or under coverage, is no error.
hypothesis.settings.register_profile("crypto-assets", deadline=None)
hypothesis.settings.load_profile("crypto-assets")


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    """Read the settings again in each test, as a process does: a test may change variables."""
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker of xdist, run the files that take longest first, and fast ones last.

    So the workers end at about the same time. Files that take minutes have a longer timeout.
    """
    if hasattr(config, "workerinput"):
        durations: dict[Path, tuple[float, bool]] = {}
        for item in items:
            durations[item.path] = max(_rank_duration(item), durations.get(item.path, (0.0, False)))
        items.sort(key=lambda item: durations[item.path], reverse=True)


def _rank_duration(item: pytest.Item) -> tuple[float, bool]:
    marker = item.get_closest_marker("timeout")
    return marker.args[0] if marker else 0.0, item.get_closest_marker("fast") is None


def pytest_collection_finish() -> None:
    """Exclude the loaded modules from garbage collections, which begin here."""
    freeze_loaded_objects()
    gc.enable()
