"""Where candles are missing: lines break there, and a shade says why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, Window, from_epoch_ms
from crypto_assets.reports import Gap
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from streamlit_app.colours import CROSSHAIR, OUTAGE

Numbers = NDArray[np.float64]

_MARKS_PER_HOLE = 50
_REASONS = {
    GapClass.OUTAGE: "Outage",
    GapClass.NOT_LISTED: "Not listed yet",
    GapClass.DELISTED: "Delisted",
    GapClass.REFUSED: "Refused: the exchange's candle cannot be true",
    GapClass.ARCHIVE_LATE: "Archive is late",
    GapClass.OPEN: "Missing, being asked for again",
    None: "Missing, not explained yet",
}


@dataclass(frozen=True)
class Hole:
    """A stretch without candles, and the words that say why."""

    window: Window
    words: str


def hole(gap: Gap) -> Hole:
    """In words: `Outage 24 Mar 12:40 to 14:00 UTC`."""
    start, end = from_epoch_ms(gap.window.start_ms), from_epoch_ms(gap.window.end_ms)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %H:%M}"
    words = f"{_REASONS[gap.gap_class]}, {start:%d %b %Y %H:%M} to {until} UTC"
    return Hole(gap.window, words)


def broken_at_holes(
    times: NDArray[np.int64], values: Numbers, interval: Interval
) -> tuple[Numbers, Numbers]:
    """The same points with a NaN after each one whose successor is missing."""
    periods = (times - interval.offset_ms) // interval.ms
    before = np.flatnonzero(np.diff(periods) > 1) + 1
    return (
        np.insert(times, before, times[before - 1] + interval.ms).astype(np.float64),
        np.insert(values, before, np.nan),
    )


def shades(holes: Sequence[Hole], interval: Interval) -> list[dict[str, object]]:
    """Grey stripes over all panes, drawn where the missing candles would stand.

    A candle is drawn around its open time, not after it.
    """
    half = interval.ms // 2
    return [
        {"type": "rect", "x0": each.window.start_ms - half, "x1": each.window.end_ms - half}
        | {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
        | {"fillcolor": OUTAGE, "line": {"width": 0}}
        for each in holes
    ]


def hover_marks(holes: Sequence[Hole], interval: Interval, height: float) -> go.Scatter:
    """Unseen points in the holes at a price, so that the hover has a word for them."""
    times: list[int] = []
    words: list[str] = []
    for each in holes:
        length = each.window.end_ms - each.window.start_ms
        step = max(MINUTE_MS, interval.ms, length // _MARKS_PER_HOLE)
        marks = range(each.window.start_ms, each.window.end_ms, step)
        times.extend(marks)
        words.extend([each.words] * len(marks))
    return go.Scatter(
        x=np.asarray(times, np.float64),
        y=np.full(len(times), height),
        text=words,
        mode="markers",
        marker={"opacity": 0, "color": CROSSHAIR},
        name="No candles",
        hoverinfo="none",
        showlegend=False,
    )
