"""Gaps in a chart: shaded ranges with a label, at which lines break."""

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
    GapClass.REFUSED: "Refused: the exchange's candle is invalid",
    GapClass.ARCHIVE_LATE: "Archive is late",
    GapClass.OPEN: "Missing, will be requested again",
    None: "Missing, not explained yet",
}


@dataclass(frozen=True)
class LabeledGap:
    """A window without candles, and the reason as text."""

    window: Window
    label: str


def label_gap(gap: CandleGap) -> LabeledGap:
    """Label a gap: `Outage, 24 Mar 2025 12:40 to 14:00 UTC`."""
    start, end = from_epoch_ms(gap.window.start_ms), from_epoch_ms(gap.window.end_ms)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %H:%M}"
    label = f"{_REASONS[gap.gap_class]}, {start:%d %b %Y %H:%M} to {until} UTC"
    return LabeledGap(gap.window, label)


def break_lines_at_gaps(
    times: NDArray[np.int64], values: FloatArray, interval: Interval
) -> tuple[FloatArray, FloatArray]:
    """Insert a NaN after each point whose next candle is missing."""
    periods = (times - interval.offset_ms) // interval.ms
    breaks = np.flatnonzero(np.diff(periods) > 1) + 1
    return (
        np.insert(times, breaks, times[breaks - 1] + interval.ms).astype(np.float64),
        np.insert(values, breaks, np.nan),
    )


def draw_gap_shades(gaps: Sequence[LabeledGap], interval: Interval) -> list[dict[str, object]]:
    """Build grey ranges over all panes where candles are missing.

    A candle is centred on its open time, so the ranges are moved by half an interval.
    """
    half = interval.ms // 2
    return [
        {"type": "rect", "x0": gap.window.start_ms - half, "x1": gap.window.end_ms - half}
        | {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
        | {"fillcolor": OUTAGE, "line": {"width": 0}}
        for gap in gaps
    ]


def draw_hover_marks(gaps: Sequence[LabeledGap], interval: Interval, height: float) -> go.Scatter:
    """Draw invisible points in the gaps at a price, so that hovering shows the label."""
    times: list[int] = []
    labels: list[str] = []
    for gap in gaps:
        width = gap.window.end_ms - gap.window.start_ms
        step = max(MINUTE_MS, interval.ms, width // _MARKS_PER_GAP)
        marks = range(gap.window.start_ms, gap.window.end_ms, step)
        times.extend(marks)
        labels.extend([gap.label] * len(marks))
    return go.Scatter(
        x=np.asarray(times, np.float64),
        y=np.full(len(times), height),
        text=labels,
        mode="markers",
        marker={"opacity": 0, "color": CROSSHAIR},
        name="No candles",
        hoverinfo="none",
        showlegend=False,
    )
