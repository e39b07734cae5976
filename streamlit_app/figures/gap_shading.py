"""Where candles are missing: lines break there, and a shade says why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import MINUTE_MS, Window, from_epoch_ms
from crypto_assets.reports import CandleGap
from crypto_assets.warehouse.quality.gap_ledger import GapClass
from streamlit_app.colours import CROSSHAIR, OUTAGE

FloatArray = NDArray[np.float64]

_MARKS_PER_GAP = 50
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
class LabeledGap:
    """A stretch without candles, and the words that say why."""

    window: Window
    label: str


def label_gap(gap: CandleGap) -> LabeledGap:
    """In words: `Outage 24 Mar 12:40 to 14:00 UTC`."""
    start, end = from_epoch_ms(gap.window.start_ms), from_epoch_ms(gap.window.end_ms)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %H:%M}"
    words = f"{_REASONS[gap.gap_class]}, {start:%d %b %Y %H:%M} to {until} UTC"
    return LabeledGap(gap.window, words)


def break_lines_at_gaps(
    times: NDArray[np.int64], values: FloatArray, interval: Interval
) -> tuple[FloatArray, FloatArray]:
    """The same points with a NaN after each one whose successor is missing."""
    periods = (times - interval.offset_ms) // interval.ms
    before = np.flatnonzero(np.diff(periods) > 1) + 1
    return (
        np.insert(times, before, times[before - 1] + interval.ms).astype(np.float64),
        np.insert(values, before, np.nan),
    )


def draw_gap_shades(holes: Sequence[LabeledGap], interval: Interval) -> list[dict[str, object]]:
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


def draw_hover_marks(holes: Sequence[LabeledGap], interval: Interval, height: float) -> go.Scatter:
    """Unseen points in the holes at a price, so that the hover has a word for them."""
    times: list[int] = []
    words: list[str] = []
    for each in holes:
        length = each.window.end_ms - each.window.start_ms
        step = max(MINUTE_MS, interval.ms, length // _MARKS_PER_GAP)
        marks = range(each.window.start_ms, each.window.end_ms, step)
        times.extend(marks)
        words.extend([each.label] * len(marks))
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
