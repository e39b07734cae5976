"""`crypto-assets layouts` moves saved layouts between homes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crypto_assets.cli.layouts import layouts
from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.control.chart_layouts import ChartLayout, LayoutKind, save_layout
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import Warehouse

TREND = ChartLayout("Trend", LayoutKind.LAYOUT, {"interval": ("4h",)})


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def run(monkeypatch: pytest.MonkeyPatch, home: Path, *words: str) -> Result:
    """Run the command in a home, which is created if it does not exist."""
    home.mkdir(exist_ok=True)
    warehouse = Warehouse(f"sqlite:///{home / 'warehouse.db'}")
    warehouse.migrate_schema()
    warehouse.close()
    monkeypatch.setenv("CRYPTO_HOME", str(home))
    get_settings.cache_clear()
    return CliRunner().invoke(layouts, words)


def test_layouts_move_to_another_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, again = tmp_path / "one.json", tmp_path / "two.json"
    run(monkeypatch, tmp_path / "one")
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'one' / 'warehouse.db'}")
    save_layout(warehouse, TREND, "Ada")
    warehouse.close()
    exported = run(monkeypatch, tmp_path / "one", "export", str(file))
    assert exported.output == f"wrote 1 layouts to {file}\n"
    imported = run(monkeypatch, tmp_path / "two", "import", str(file))
    assert imported.output == f"imported 1 layouts from {file}\n"
    assert run(monkeypatch, tmp_path / "two").output == "Trend (layout, 1 parameters)\n"
    run(monkeypatch, tmp_path / "two", "export", str(again))
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["import"], "name the file"),
        (["import", "missing.json"], "missing.json is not a file"),
        (["import", __file__], "it is not JSON"),
    ],
)
def test_wrong_use_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], reason: str
) -> None:
    result = run(monkeypatch, tmp_path / "home", *words)
    assert isinstance(result.exception, WrongUse) and reason in str(result.exception)
    assert "\n" not in str(result.exception)
