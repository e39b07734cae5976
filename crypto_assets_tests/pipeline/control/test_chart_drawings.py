"""Changes of drawings that a browser sends: checked, and applied one by one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.market.chart_drawings import MAX_DRAWINGS, parse_drawing
from crypto_assets.pipeline.control.chart_drawings import (
    apply_drawing_changes,
    import_drawings,
    parse_drawing_changes,
)
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.app_settings import Author

ADA = Author("Ada in the app", "127.0.0.1")


@pytest.fixture
def home_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    yield warehouse
    warehouse.close()


def _entry(number: int, price: float = 1.0) -> dict[str, Any]:
    points = [[0, price]]
    return {"id": f"{number:016x}", "kind": "horizontal", "color": "#2962ff", "points": points}


def test_a_refused_drawing_does_not_prevent_the_others(home_warehouse: Warehouse) -> None:
    full = [parse_drawing(_entry(number)) for number in range(MAX_DRAWINGS)]
    home_warehouse.chart_drawings.save_drawings("BTCUSDT", full, "Ada")
    changes = parse_drawing_changes("BTCUSDT", [_entry(MAX_DRAWINGS), _entry(7, 2.0)], [])
    with pytest.raises(WrongUse, match="BTCUSDT has 200 drawings"):
        apply_drawing_changes(home_warehouse, changes, ADA)
    stored = home_warehouse.chart_drawings.list_drawings("BTCUSDT")
    assert len(stored) == MAX_DRAWINGS and stored[7] == parse_drawing(_entry(7, 2.0))


def test_the_change_log_has_what_concerns_several_drawings(home_warehouse: Warehouse) -> None:
    drawings = [parse_drawing(_entry(number)) for number in range(5)]
    import_drawings(home_warehouse, "BTCUSDT", drawings, ADA)
    ids = [drawing.drawing_id for drawing in drawings]
    for removed in (ids[:1], ids[1:4]):
        changes = parse_drawing_changes("BTCUSDT", [], removed)
        apply_drawing_changes(home_warehouse, changes, ADA)
    assert home_warehouse.chart_drawings.list_drawings("BTCUSDT") == drawings[4:]
    log = home_warehouse.app_settings.list_changes()
    assert [(entry.name, entry.new, entry.who) for entry in log] == [
        ("drawings BTCUSDT", {"removed": 3}, ADA.name),
        ("drawings BTCUSDT", {"imported": 5}, ADA.name),
    ]


@pytest.mark.parametrize(
    ("saved", "removed", "reason"),
    [
        ({}, [], "at most 200 drawings are changed at once"),
        ([], ["a"] * (MAX_DRAWINGS + 1), "at most 200 drawings are changed at once"),
        ([], [1], "removed by their ids"),
        ([None], [], "a drawing has"),
    ],
)
def test_other_changes_are_refused(saved: object, removed: object, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        parse_drawing_changes("BTCUSDT", saved, removed)
