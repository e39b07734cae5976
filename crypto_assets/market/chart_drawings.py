"""Drawings on a candle chart: lines, rectangles and Fibonacci retracements of one symbol.

A drawing as JSON, in the app, in the warehouse and in files of layouts:

    {"id": "0f3a9c21d4e5b687", "kind": "trend", "color": "#2962ff",
     "points": [[1741219200000, 87250.5], [1741305600000, 90100]]}

A point is an instant in epoch ms, which need not be that of a stored candle, and a price.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crypto_assets.errors import WrongUse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.market.symbols import is_symbol

MAX_DRAWINGS = 200  # of one symbol
MAX_DRAWN_SYMBOLS = 200
_ID = re.compile(r"[0-9a-f]{8,16}")
_COLOR = re.compile(r"#[0-9a-f]{6}")
# The end of the year 9999.
_MAX_TIME = 253_402_300_799_999
_MAX_PRICE = 1e15
_MAX_SHOWN = 60


class DrawingKind(StrEnum):
    TREND = "trend"
    HORIZONTAL = "horizontal"
    RECTANGLE = "rectangle"
    FIBONACCI = "fibonacci"

    @property
    def point_count(self) -> int:
        """How many points define a drawing; only the price of a horizontal line's counts."""
        return 1 if self is DrawingKind.HORIZONTAL else 2


@dataclass(frozen=True)
class ChartDrawing:
    """A drawing with its points: an instant in epoch ms and a price each. `color` is `#rrggbb`."""

    drawing_id: str
    kind: DrawingKind
    color: str
    points: tuple[tuple[int, float], ...]


DrawingsBySymbol = Mapping[str, Sequence[ChartDrawing]]


def format_drawing(drawing: ChartDrawing) -> dict[str, Any]:
    """Return a drawing as JSON values."""
    return {
        "id": drawing.drawing_id,
        "kind": str(drawing.kind),
        "color": drawing.color,
        "points": [list(point) for point in drawing.points],
    }


def parse_drawing(entry: object) -> ChartDrawing:
    """Parse JSON values from a browser or a file. Raises WrongUse, which says what is wrong."""
    match entry:
        case {"id": str(name), "kind": str(kind), "color": str(color), "points": list(points)}:
            pass
        case _:
            raise WrongUse("a drawing has an `id`, a `kind`, a `color` and `points`")
    if not _ID.fullmatch(name):
        raise WrongUse("the id of a drawing has 8 to 16 digits or letters from a to f")
    if kind not in list(DrawingKind):
        raise WrongUse(f"drawing {name}: the kind must be one of {', '.join(DrawingKind)}")
    if not _COLOR.fullmatch(color):
        raise WrongUse(f"drawing {name}: the color must be written as #2962ff")
    drawing_kind = DrawingKind(kind)
    if len(points) != drawing_kind.point_count:
        raise WrongUse(f"drawing {name}: the number of points must be {drawing_kind.point_count}")
    return ChartDrawing(
        name, drawing_kind, color, tuple(_parse_point(name, point) for point in points)
    )


def parse_drawings_by_symbol(entries: object) -> dict[str, list[ChartDrawing]]:
    """Parse lists of drawings by symbol. Raises WrongUse."""
    if not isinstance(entries, dict) or len(entries) > MAX_DRAWN_SYMBOLS:
        raise WrongUse(f"drawings are listed by symbol, of at most {MAX_DRAWN_SYMBOLS} symbols")
    return {symbol: _parse_symbol_drawings(symbol, each) for symbol, each in entries.items()}


def _parse_symbol_drawings(symbol: object, entries: object) -> list[ChartDrawing]:
    if not isinstance(symbol, str) or not is_symbol(symbol):
        raise WrongUse(f"drawings of {shorten_text(repr(symbol), _MAX_SHOWN)}: this is no symbol")
    if not isinstance(entries, list) or len(entries) > MAX_DRAWINGS:
        raise WrongUse(f"{symbol} has a list of at most {MAX_DRAWINGS} drawings")
    drawings = [parse_drawing(entry) for entry in entries]
    if len({drawing.drawing_id for drawing in drawings}) < len(drawings):
        raise WrongUse(f"two drawings of {symbol} have the same id")
    return drawings


def _parse_point(name: str, point: object) -> tuple[int, float]:
    match point:
        case [int() | float() as time, int() | float() as price]:
            is_boolean = isinstance(time, bool) or isinstance(price, bool)
            # Neither is true of NaN.
            if not is_boolean and 0 <= time <= _MAX_TIME and abs(price) <= _MAX_PRICE:
                return math.floor(time), float(price)
    raise WrongUse(
        f"drawing {name}: a point is an instant in epoch ms, up to the year 9999, and a price"
    )
