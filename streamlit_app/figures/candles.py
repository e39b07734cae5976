"""What `candle_chart.js` draws: candles, indicators, and compared symbols of one window.

All times are epoch ms in UTC; the browser shows them in the viewer's time zone. Values are one per
candle, NaN where there is none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import Window
from crypto_assets.reports import CandleGap
from streamlit_app.colours import FALLING, RISING, choose_line_colours
from streamlit_app.figures import number_formats
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


def build_chart_content(
    candles: pd.DataFrame,
    frame: ChartFrame,
    overlays: Sequence[Indicator] = (),
    panes: Sequence[Indicator] = (),
    compared_closes: Mapping[str, pd.Series] | None = None,
    gaps: Sequence[CandleGap] = (),
    volume: bool = True,
) -> str:
    """Return candles with overlays, and volume and indicators in panes below, as JSON.

    `candles` has the candle columns as floats, `open_time` in epoch ms, `forming` and `partial`.
    `compared_closes` holds closes of other symbols by open time (epoch ms).
    """
    times = candles["open_time"].to_numpy(np.int64)
    compared = compared_closes or {}
    line_colours = choose_line_colours([*compared, *(overlay.name for overlay in overlays)])
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
        "colours": {"rising": RISING, "falling": FALLING},
        "compared": [
            {
                "name": symbol,
                "colour": line_colours[symbol],
                "values": encode_floats(closes.reindex(times).to_numpy(np.float64)),
            }
            for symbol, closes in compared.items()
        ],
        "overlays": [
            overlay.describe([line_colours[overlay.name]] * len(overlay.lines.columns))
            for overlay in overlays
        ],
        "panes": [_describe_pane(pane) for pane in panes],
        "gaps": [
            [gap.window.start_ms, gap.window.end_ms, describe_gap_reason(gap)] for gap in gaps
        ],
    }
    return json.dumps(content)


def _describe_pane(pane: Indicator) -> dict[str, Any]:
    """Give each line of a pane its own colour, by the names of pane and line."""
    colours = choose_line_colours([f"{pane.name} {column}" for column in pane.lines.columns])
    drawn = dict(zip(pane.lines.columns, colours.values(), strict=True))
    ordered = [*pane.bars, *(name for name in pane.lines.columns if name not in pane.bars)]
    return pane.describe([drawn[name] for name in ordered])
