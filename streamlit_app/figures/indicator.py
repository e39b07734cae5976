"""An indicator of the candle chart as data: lines and bars in one unit, with their colors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crypto_assets.analytics import Panel
from streamlit_app.figures.float_arrays import encode_floats
from streamlit_app.figures.number_formats import NumberFormat

DEFAULT_WIDTH = 1.6  # pixels


@dataclass(frozen=True)
class Indicator:
    """The columns of an indicator, with one value (or NaN) per candle, oldest first.

    `key` identifies it in the address of the page (`ema`, `ema.2`), and `name` is its legend entry
    (`EMA 50`). It is drawn over the candles or in a pane of its own, as `panel` says. `colors` has
    a CSS color per column. The columns of `bars` are drawn as bars, all others as lines of `width`
    pixels. `band` names two columns between which the chart is filled. `levels` are values marked
    across the whole pane.
    """

    key: str
    name: str
    panel: Panel
    lines: pd.DataFrame
    number_format: NumberFormat
    colors: tuple[str, ...]
    width: float = DEFAULT_WIDTH
    bars: tuple[str, ...] = ()
    band: tuple[str, str] | None = None
    levels: tuple[float, ...] = ()

    @property
    def drawn_columns(self) -> list[str]:
        """The columns in drawing order: bars below lines."""
        columns = [str(name) for name in self.lines.columns]
        return sorted(columns, key=lambda name: name not in self.bars)

    def get_color(self, column: str) -> str:
        return self.colors[list(self.lines.columns).index(column)]

    def describe(self) -> dict[str, Any]:
        """Return what `candle_chart.js` draws, bars first."""
        columns = self.drawn_columns
        return {
            "key": self.key,
            "name": self.name,
            "format": self.number_format.meta,
            "range": self.number_format.axis_range,
            "levels": self.levels,
            "band": self.band,
            "width": self.width,
            "lines": [
                {
                    "column": column,
                    "label": column if len(columns) > 1 else "",
                    "color": self.get_color(column),
                    "bars": column in self.bars,
                    "values": encode_floats(self.lines[column].to_numpy(np.float64)),
                }
                for column in columns
            ],
        }
