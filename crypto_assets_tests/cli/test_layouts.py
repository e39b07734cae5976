"""`crypto-assets layouts` moves saved layouts between homes."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crypto_assets.cli.command_author import find_command_author
from crypto_assets.cli.layouts import layouts
from crypto_assets.errors import WrongUse
from crypto_assets.market.chart_drawings import ChartDrawing, DrawingKind
from crypto_assets.pipeline.control.chart_layouts import ChartLayout, LayoutKind, save_layout
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import Warehouse

TREND = ChartLayout("Trend", LayoutKind.LAYOUT, {"interval": ("4h",)})
LINE = ChartDrawing("0f3a9c21d4e5b687", DrawingKind.HORIZONTAL, "#2962ff", ((0, 0.1 + 0.2),))
RETRACEMENT = ChartDrawing(
    "1f3a9c21d4e5b687",
    DrawingKind.FIBONACCI,
    "#ff00aa",
    ((1_741_219_200_000, 1e-8), (1_741_305_600_123, 123_456_789.000001)),
)


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
    warehouse.chart_drawings.save_drawings("BTCUSDT", [LINE], "Ada")
    warehouse.chart_drawings.save_drawings("币安人生USDT", [RETRACEMENT], "Ada")
    drawn = warehouse.chart_drawings.list_all_drawings()
    warehouse.close()
    exported = run(monkeypatch, tmp_path / "one", "export", str(file))
    assert exported.output == f"wrote 1 layouts and 2 drawings to {file}\n"
    for _ in range(2):  # The second import changes nothing.
        imported = run(monkeypatch, tmp_path / "two", "import", str(file))
        assert imported.output == f"imported 1 layouts and 2 drawings from {file}\n"
    assert run(monkeypatch, tmp_path / "two").output == "Trend (layout, 1 parameters)\n"
    run(monkeypatch, tmp_path / "two", "export", str(again))
    assert again.read_bytes() == file.read_bytes()
    other = Warehouse(f"sqlite:///{tmp_path / 'two' / 'warehouse.db'}")
    assert other.chart_drawings.list_all_drawings() == drawn
    assert {change.who for change in other.app_settings.list_changes()} == {
        find_command_author().name
    }
    other.close()


def test_a_file_of_an_earlier_version_has_no_drawings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "one.json"
    file.write_text('{"version": 1, "layouts": []}')
    imported = run(monkeypatch, tmp_path / "home", "import", str(file))
    assert imported.output == f"imported 0 layouts from {file}\n"


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
