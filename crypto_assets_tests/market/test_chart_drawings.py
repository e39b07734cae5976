"""Drawings as JSON: the same after a round trip, and refused if a value is not one of a drawing."""

import json
from typing import Any

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.market.chart_drawings import (
    MAX_DRAWINGS,
    DrawingKind,
    format_drawing,
    parse_drawing,
    parse_drawings_by_symbol,
)

GOOD: dict[str, Any] = {
    "id": "0f3a9c21d4e5b687",
    "kind": "trend",
    "color": "#2962ff",
    "points": [[1_741_219_200_000, 0.00001234], [1_741_305_600_000, 90_100.25]],
}


@pytest.mark.parametrize("kind", DrawingKind)
def test_a_drawing_is_the_same_after_a_round_trip(kind: DrawingKind) -> None:
    entry = GOOD | {"kind": str(kind), "points": GOOD["points"][: kind.point_count]}
    drawing = parse_drawing(json.loads(json.dumps(entry)))
    assert parse_drawing(json.loads(json.dumps(format_drawing(drawing)))) == drawing
    assert format_drawing(drawing) == entry


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("trend", "an `id`, a `kind`, a `color` and `points`"),
        ({"id": "0f3a9c21"}, "an `id`, a `kind`, a `color` and `points`"),
        (GOOD | {"id": "<script>"}, "8 to 16 digits"),
        (GOOD | {"id": "0" * 17}, "8 to 16 digits"),
        (GOOD | {"kind": "measure"}, "must be one of trend, horizontal"),
        (GOOD | {"kind": "__proto__"}, "must be one of trend, horizontal"),
        (GOOD | {"color": "red;background:url(x)"}, "must be written as #2962ff"),
        (GOOD | {"points": GOOD["points"] * 500_000}, "the number of points must be 2"),
        (GOOD | {"points": [[0, float("nan")], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[float("inf"), 1], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[-1, 1], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[10**400, 1], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[0, 10**400], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[0, "1"], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[0, True], [0, 1]]}, "a point is an instant"),
        (GOOD | {"points": [[0, 1, 2], [0, 1]]}, "a point is an instant"),
    ],
)
def test_what_is_not_a_drawing_is_refused(entry: object, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        parse_drawing(entry)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "listed by symbol"),
        ({f"A{n}": [] for n in range(201)}, "at most 200 symbols"),
        ({"a b": []}, "this is no symbol"),
        ({"BTCUSDT": {}}, "at most 200 drawings"),
        ({"BTCUSDT": [GOOD] * (MAX_DRAWINGS + 1)}, "at most 200 drawings"),
        ({"BTCUSDT": [GOOD, GOOD]}, "two drawings of BTCUSDT have the same id"),
    ],
)
def test_what_is_not_a_list_by_symbol_is_refused(entries: object, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        parse_drawings_by_symbol(entries)
