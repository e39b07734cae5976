"""The wheel contains the program, every file that it opens, and nothing else."""

import tarfile
from pathlib import Path
from zipfile import ZipFile

from crypto_assets_tests.project.repository import ROOT, files, name
from crypto_assets_tests.wheel.builds import find_source_distribution

_PROJECT_FILES = "crypto_assets/project_files/"
_CONFIGS = ("dagster.yaml", "deploy/celery/dagster.yaml", "deploy/dagster.yaml", "workspace.yaml")


def test_the_wheel_contains_package_app_pages_and_configuration(wheel: Path) -> None:
    package = {name(path) for path in files("crypto_assets")}
    outside = {name(path) for path in files("streamlit_app", "docs/*.md", *_CONFIGS)}
    with ZipFile(wheel) as archive:
        contents = {one for one in archive.namelist() if ".dist-info/" not in one}
    assert contents == package | {_PROJECT_FILES + one for one in outside}


def test_the_wheel_has_the_files_that_are_no_modules(wheel: Path) -> None:
    """Named one by one, since the comparison with git would not notice that one is gone."""
    with ZipFile(wheel) as archive:
        contents = set(archive.namelist())
    assert contents >= {
        "crypto_assets/py.typed",
        "crypto_assets/warehouse/engine/migrations/versions/v0001_initial.py",
        f"{_PROJECT_FILES}dagster.yaml",
        f"{_PROJECT_FILES}deploy/celery/dagster.yaml",
        f"{_PROJECT_FILES}deploy/dagster.yaml",
        f"{_PROJECT_FILES}workspace.yaml",
        f"{_PROJECT_FILES}docs/operations.md",
        f"{_PROJECT_FILES}docs/settings.md",
        f"{_PROJECT_FILES}streamlit_app/.streamlit/config.toml",
        f"{_PROJECT_FILES}streamlit_app/app.py",
        f"{_PROJECT_FILES}streamlit_app/components/candle_chart.css",
        f"{_PROJECT_FILES}streamlit_app/components/chart_modules/candle_chart.js",
        f"{_PROJECT_FILES}streamlit_app/components/chart_modules/markers.js",
        f"{_PROJECT_FILES}streamlit_app/components/live_chart.js",
        f"{_PROJECT_FILES}streamlit_app/images/logo.svg",
    }


def test_the_wheel_installs_one_package_of_its_own_name(wheel: Path) -> None:
    metadata = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    with ZipFile(wheel) as archive:
        folders = {one.split("/")[0] for one in archive.namelist()}
        entry_points = archive.read(f"{metadata}/entry_points.txt").decode()
    assert folders == {"crypto_assets", metadata}
    assert "crypto-assets = crypto_assets.cli:main" in entry_points


def test_files_outside_the_package_are_those_of_the_repository(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        for config in _CONFIGS:
            assert archive.read(_PROJECT_FILES + config) == (ROOT / config).read_bytes()


def test_the_source_distribution_contains_the_repository(distributions: Path) -> None:
    with tarfile.open(find_source_distribution(distributions)) as archive:
        contents = {one.partition("/")[2] for one in archive.getnames()}
    assert contents == {name(path) for path in files()} | {"PKG-INFO"}


def test_the_repository_has_one_copy_of_each_configuration() -> None:
    """The build maps these files into the wheel; a copy in the package would become outdated."""
    copies = {name(path) for path in files("*dagster.yaml", "*workspace.yaml")}
    kubernetes = {f"deploy/kubernetes/{name}" for name in ("dagster.yaml", "workspace.yaml")}
    assert copies == {*_CONFIGS, "deploy/workspace.yaml", *kubernetes}
    assert not (ROOT / _PROJECT_FILES).exists()
