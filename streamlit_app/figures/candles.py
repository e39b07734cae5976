"""What `candle_chart.js` draws: candles, indicators, and compared symbols of one window.

All times are epoch ms in UTC; the browser shows them in the viewer's time zone. Values are one per
candle, NaN where there is none.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleGap
from streamlit_app.colors import FALLING, RISING
from streamlit_app.figures import number_formats
from streamlit_app.figures.chart_events import ChartEvent
from streamlit_app.figures.float_arrays import encode_floats
from streamlit_app.figures.gap_labels import describe_gap_reason
from streamlit_app.figures.indicator import Indicator
from streamlit_app.format.decimal_places import DecimalPlaces

OHLC = ["open", "high", "low", "close"]
# By the candle's state: final, forming, partial.
STATE_NOTES = ("", "forming", "partial: its beginning is not stored")


@dataclass(frozen=True)
class LastPrice:
    """Open and close of the newest stored candle of an interval, whatever the chart shows."""

    open_time: int
    open: float
    close: float


@dataclass(frozen=True)
class ChartFrame:
    """The symbol and interval of a chart, how its prices are formatted, and what is stored.

    `window` is the half-open range that was read, `stored_window` that of all stored candles.
    """

    symbol: str
    title: str
    interval: Interval
    decimals: DecimalPlaces
    window: Window
    stored_window: Window
    last: LastPrice | None = None


@dataclass(frozen=True)
class ComparedSymbol:
    """Another symbol in the chart: its closes by open time (epoch ms), and its color in CSS."""

    symbol: str
    closes: pd.Series
    color: str


@dataclass(frozen=True)
class HiddenIndicator:
    """An indicator of the legend whose lines are not drawn."""

    key: str
    name: str


def build_chart_content(
    candles: pd.DataFrame,
    frame: ChartFrame,
    overlays: Sequence[Indicator] = (),
    panes: Sequence[Indicator] = (),
    compared: Sequence[ComparedSymbol] = (),
    gaps: Sequence[CandleGap] = (),
    hidden: Sequence[HiddenIndicator] = (),
    events: Sequence[ChartEvent] = (),
    volume: bool = True,
) -> str:
    """Return candles with overlays, and volume and indicators in panes below, as JSON.

    `candles` has the candle columns as floats, `open_time` in epoch ms, `forming` and `partial`.
    """
    times = candles["open_time"].to_numpy(np.int64)
    content: dict[str, Any] = {
        "symbol": frame.symbol,
        "title": frame.title,
        "interval": frame.interval,
        "step": frame.interval.ms,
        "window": [frame.window.start_ms, frame.window.end_ms],
        "stored": [frame.stored_window.start_ms, frame.stored_window.end_ms],
        "last": frame.last and [frame.last.open_time, frame.last.open, frame.last.close],
        "format": number_formats.get_price_format(frame.decimals).meta,
        "volume": volume and number_formats.AMOUNT_FORMAT.meta,
        "times": encode_floats(times),
        "columns": {
            **{name: encode_floats(candles[name]) for name in [*OHLC, "volume"]},
            "state": encode_floats(np.where(candles["partial"], 2, candles["forming"] * 1)),
        },
        "notes": STATE_NOTES,
        "colors": {"rising": RISING, "falling": FALLING},
        "compared": [
            {
                "name": other.symbol,
                "color": other.color,
                "values": encode_floats(other.closes.reindex(times).to_numpy(np.float64)),
            }
            for other in compared
        ],
        "overlays": [overlay.describe() for overlay in overlays],
        "panes": [pane.describe() for pane in panes],
        "hidden": [{"key": indicator.key, "name": indicator.name} for indicator in hidden],
        "gaps": [
            [gap.window.start_ms, gap.window.end_ms, describe_gap_reason(gap.gap_class)]
            for gap in gaps
        ],
        "events": [event.describe() for event in events],
    }
    return json.dumps(content)
