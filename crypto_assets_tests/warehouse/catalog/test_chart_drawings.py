"""Drawings in the warehouse: each is saved by itself, within limits."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from crypto_assets.errors import WrongUse
from crypto_assets.market.chart_drawings import (
    MAX_DRAWINGS,
    MAX_DRAWN_SYMBOLS,
    ChartDrawing,
    DrawingKind,
)
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.schema import chart_drawings


def _draw(number: int, price: float = 1.0) -> ChartDrawing:
    return ChartDrawing(f"{number:016x}", DrawingKind.HORIZONTAL, "#2962ff", ((0, price),))


def test_writers_at_once_lose_no_drawing_and_the_last_save_of_one_wins(
    warehouse: Warehouse,
) -> None:
    drawings = warehouse.chart_drawings
    with ThreadPoolExecutor(4) as pool:
        saves = [
            pool.submit(drawings.save_drawings, "币安人生USDT", [_draw(number)], "Ada")
            for number in range(20)
        ]
        for save in saves:
            save.result()
    drawings.save_drawings("币安人生USDT", [_draw(3, price=0.1 + 0.2)], "Bob")
    drawings.save_drawings("BTCUSDT", [_draw(3)], "Bob")
    expected = [_draw(number, 0.1 + 0.2 if number == 3 else 1.0) for number in range(20)]
    assert drawings.list_drawings("币安人生USDT") == expected
    assert drawings.list_all_drawings() == {"BTCUSDT": [_draw(3)], "币安人生USDT": expected}
    assert drawings.delete_drawings("币安人生USDT", [_draw(3).drawing_id, "missing"]) == 1
    assert drawings.list_drawings("币安人生USDT") == expected[:3] + expected[4:]
    assert drawings.list_drawings("BTCUSDT") == [_draw(3)]


def test_limits_refuse_new_drawings_only(warehouse: Warehouse) -> None:
    drawings = warehouse.chart_drawings
    drawings.save_drawings("BTCUSDT", [_draw(number) for number in range(MAX_DRAWINGS)], "Ada")
    with pytest.raises(WrongUse, match="BTCUSDT has 200 drawings: remove one first"):
        drawings.save_drawings("BTCUSDT", [_draw(0, 2.0), _draw(MAX_DRAWINGS)], "Ada")
    assert drawings.list_drawings("BTCUSDT")[0] == _draw(0), "all or none"
    drawings.save_drawings("BTCUSDT", [_draw(0, 2.0)], "Ada")
    assert drawings.list_drawings("BTCUSDT")[0] == _draw(0, 2.0)
    for number in range(MAX_DRAWN_SYMBOLS - 1):
        drawings.save_drawings(f"A{number}", [_draw(0)], "Ada")
    with pytest.raises(WrongUse, match="200 symbols have drawings"):
        drawings.save_drawings("B", [_draw(0)], "Ada")
    assert len(drawings.list_all_drawings()) == MAX_DRAWN_SYMBOLS


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"kind": "spiral", "color": "#2962ff", "points": [[0, 1]]}']
)
def test_a_drawing_of_another_program_hides_no_other(
    warehouse: Warehouse, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    drawings = warehouse.chart_drawings
    drawings.save_drawings("BTCUSDT", [_draw(1), _draw(2)], "Ada")
    change = (
        update(chart_drawings)
        .where(chart_drawings.c.drawing_id == _draw(1).drawing_id)
        .values(content=content)
    )
    warehouse._database.run_write(lambda c: c.execute(change))
    assert drawings.list_drawings("BTCUSDT") == [_draw(2)]
    assert "drawing 0000000000000001 of BTCUSDT cannot be shown" in caplog.text
