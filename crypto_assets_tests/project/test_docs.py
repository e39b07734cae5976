"""Files, links and Python code in the docs are valid."""

import re
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import HOUR_MS, Window, day_start_ms
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.project.repository import ROOT, files, name, text
from crypto_assets_tests.reports.stock import describe, generated, load

PAGES = [name(path) for path in files("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md")]
OURS = ("crypto_assets/", "crypto_assets_tests/", "streamlit_app/", "docs/", "deploy/")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_in_the_docs_exists(page: str) -> None:
    named = re.findall(r"`([\w./-]+)`", text(page))
    missing = [one for one in named if one.startswith(OURS) and not (ROOT / one).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_repository_has_a_target(page: str) -> None:
    folder = (ROOT / page).parent
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text(page))
    near = [link for link in links if "://" not in link]
    assert [link for link in near if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_the_docs_name_exists(page: str) -> None:
    assert find_missing_tests(text(page)) == []


def test_a_test_that_does_not_exist_is_found() -> None:
    page = "`project/test_docs.py::test_nothing` and `none/test_docs.py::test_a_test`"
    assert find_missing_tests(page) == [
        "none/test_docs.py::test_a_test",
        "project/test_docs.py::test_nothing",
    ]


def find_missing_tests(page: str) -> list[str]:
    """Find the names of tests (`api/test_access.py::test_name`) that no test has."""
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    return sorted(f"{path}::{test}" for path, test in named if not has_test(path, test))


def has_test(path: str, test: str) -> bool:
    file = ROOT / "crypto_assets_tests" / path
    return file.exists() and f"def {test}(" in file.read_text()


def test_the_python_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start = day_start_ms(get_settings().start_date)
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    load(warehouse, "BTCUSDT", generated("BTCUSDT", Window(start, start + 72 * HOUR_MS)))
    warehouse.close()
    monkeypatch.setenv("CRYPTO_HOME", str(tmp_path))
    get_settings.cache_clear()
    for block in re.findall(r"```python\n(.+?)```", text("README.md"), re.DOTALL):
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102  # our own code
    printed = capsys.readouterr().out
    assert "forming" in printed
    assert re.search(r"rsi\n(.*\n)*?2025-01-03 23:00:00\+00:00 +\d+\.\d+", printed), printed
