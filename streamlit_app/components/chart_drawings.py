"""What the candle chart's scripts for drawings receive, and their styles."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crypto_assets.market.chart_drawings import MAX_DRAWINGS

DRAWING_STYLES = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class DrawingAnswer:
    """The last changes that were handled, and why they were not stored, empty if they were.

    Changes whose answer is not final are sent again.
    """

    batch: str = ""
    problem: str = ""
    is_final: bool = True


@dataclass(frozen=True)
class DrawingState:
    """The stored drawings of a symbol as JSON values, and whether this viewer may change them.

    `stored` is None where they cannot be read: the browser keeps those that it has.

    `exchange` and symbol name the drawings that a browser keeps itself.
    """

    symbol: str
    stored: Sequence[dict[str, Any]] | None
    can_save: bool
    exchange: str
    answer: DrawingAnswer


def describe_drawings(state: DrawingState) -> dict[str, Any]:
    """Return the state with the limit of drawings."""
    return {**asdict(state), "limit": MAX_DRAWINGS}
