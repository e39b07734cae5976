"""Layouts of charts: saved by name, and the same in another home after export and import."""

import json
from pathlib import Path

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.control.chart_layouts import (
    ChartLayout,
    LayoutFile,
    LayoutKind,
    delete_layout,
    format_layout_file,
    list_layouts,
    parse_layout_file,
    save_layout,
)
from crypto_assets.warehouse import Warehouse

TREND = ChartLayout(
    "Trend", LayoutKind.LAYOUT, {"interval": ("4h",), "compare": ("ETHUSDT", "币安人生USDT")}
)
AVERAGES = ChartLayout(
    "averages", LayoutKind.INDICATORS, {"ema.2": ("true",), "ema.2_period": ("50",)}
)


def open_warehouse(folder: Path) -> Warehouse:
    folder.mkdir()
    warehouse = Warehouse(f"sqlite:///{folder / 'warehouse.db'}")
    warehouse.migrate_schema()
    return warehouse


def test_layouts_are_the_same_in_another_home(tmp_path: Path) -> None:
    one, other = (open_warehouse(tmp_path / name) for name in ("one", "other"))
    for layout in (TREND, AVERAGES):
        save_layout(one, layout, "Ada")
    text = format_layout_file(LayoutFile(list_layouts(one)))
    for layout in parse_layout_file(text).layouts:
        save_layout(other, layout, "import")
    assert list_layouts(other) == list_layouts(one) == [AVERAGES, TREND]
    assert format_layout_file(LayoutFile(list_layouts(other))) == text
    one.close()
    other.close()


def test_saving_replaces_and_deleting_removes_and_both_are_in_the_change_log(
    tmp_path: Path,
) -> None:
    warehouse = open_warehouse(tmp_path / "home")
    save_layout(warehouse, TREND, "Ada")
    changed = ChartLayout("Trend", LayoutKind.LAYOUT, {"interval": ("1d",)})
    save_layout(warehouse, changed, "Bob")
    assert list_layouts(warehouse) == [changed]
    delete_layout(warehouse, "Trend", "Bob")
    delete_layout(warehouse, "Trend", "Bob")
    assert list_layouts(warehouse) == []
    changes = warehouse.app_settings.list_changes()
    assert [(change.who, change.name) for change in changes] == [
        ("Bob", "layout.Trend"),
        ("Bob", "layout.Trend"),
        ("Ada", "layout.Trend"),
    ]
    warehouse.close()


GOOD = {"name": "a", "kind": "layout", "parameters": {"ema": ["true"]}}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (GOOD | {"name": ""}, "1 to 60 printable characters"),
        (GOOD | {"name": "a\n" * 9}, "1 to 60 printable characters"),
        (GOOD | {"name": "x" * 61}, "1 to 60 printable characters"),
        (GOOD | {"kind": "page"}, "must be one of layout, indicators"),
        (GOOD | {"parameters": {"ema": "true"}}, "not one of a chart's address"),
        (GOOD | {"parameters": {"<b>": ["true"]}}, "not one of a chart's address"),
        (GOOD | {"parameters": {"ema": ["x" * 501]}}, "not one of a chart's address"),
        (
            GOOD | {"parameters": {f"a{n}": ["x" * 500] for n in range(120)}},
            "more than 50,000 characters",
        ),
        ({"name": "a"}, "a `name`, a `kind` and `parameters`"),
        ("a", "a `name`, a `kind` and `parameters`"),
    ],
)
def test_a_wrong_layout_is_refused(entry: object, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        parse_layout_file(json.dumps({"version": 1, "layouts": [entry]}))


def test_a_wrong_drawing_refuses_the_whole_file() -> None:
    drawings = {"BTCUSDT": [{"id": "0f3a9c21", "kind": "x", "color": "#2962ff", "points": []}]}
    with pytest.raises(WrongUse, match="drawing 0f3a9c21: the kind must be one of"):
        parse_layout_file(json.dumps({"version": 1, "layouts": [GOOD], "drawings": drawings}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"version": 2, "layouts": []}'])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="not a file of layouts"):
        parse_layout_file(text)
