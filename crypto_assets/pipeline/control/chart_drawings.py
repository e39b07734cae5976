"""Changes of the drawings on charts: one by one in the app, or many from a file of layouts.

Each drawing is stored with who changed it last. The change log has only what concerns several
drawings at once, since every move of a line would otherwise push out an entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crypto_assets.errors import WrongUse
from crypto_assets.market.chart_drawings import MAX_DRAWINGS, ChartDrawing, parse_drawing
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.app_settings import Author


@dataclass(frozen=True)
class DrawingChanges:
    """Drawings of one symbol that were drawn or changed, and the ids of those to remove."""

    symbol: str
    saved: Sequence[ChartDrawing]
    removed: Sequence[str]


def parse_drawing_changes(symbol: str, saved: Any, removed: Any) -> DrawingChanges:
    """Parse changes that a browser sends. Raises WrongUse."""
    for entries in (saved, removed):
        if not isinstance(entries, list) or len(entries) > MAX_DRAWINGS:
            raise WrongUse(f"at most {MAX_DRAWINGS} drawings are changed at once")
    if not all(isinstance(name, str) for name in removed):
        raise WrongUse("drawings are removed by their ids")
    return DrawingChanges(symbol, [parse_drawing(entry) for entry in saved], removed)


def apply_drawing_changes(warehouse: Warehouse, changes: DrawingChanges, author: Author) -> None:
    """Store changes; drawings that they do not name stay as they are.

    Raises WrongUse if the symbol has too many drawings for one of them, after the others.
    """
    if changes.removed:
        count = warehouse.chart_drawings.delete_drawings(changes.symbol, changes.removed)
        if count > 1:
            _record_count(warehouse, changes.symbol, author, removed=count)
    refusals = []
    for drawing in changes.saved:
        try:
            warehouse.chart_drawings.save_drawings(changes.symbol, [drawing], author.name)
        except WrongUse as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def import_drawings(
    warehouse: Warehouse, symbol: str, drawings: Sequence[ChartDrawing], author: Author
) -> None:
    """Add drawings to those of a symbol, each in the place of one with its id.

    Raises WrongUse, and stores none, if the symbol would have too many.
    """
    warehouse.chart_drawings.save_drawings(symbol, drawings, author.name)
    if drawings:
        _record_count(warehouse, symbol, author, imported=len(drawings))


def _record_count(warehouse: Warehouse, symbol: str, author: Author, **count: int) -> None:
    warehouse.app_settings.record_change(f"drawings {symbol}", None, count, author)
