"""An indicator of the candle chart: lines and bars in one unit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from streamlit_app.figures.float_arrays import encode_floats
from streamlit_app.figures.number_formats import NumberFormat

_BAND_ENDS = ("upper", "lower")  # the columns between which the chart is tinted


@dataclass(frozen=True)
class Indicator:
    """The columns of an indicator, with one value (or NaN) per candle.

    `bars` names the columns drawn as bars. `levels` are values marked across the whole pane.
    """

    name: str
    lines: pd.DataFrame
    number_format: NumberFormat
    bars: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()

    def describe(self, colours: list[str]) -> dict[str, Any]:
        """Return what `candle_chart.js` draws, bars first; one colour per column in that order."""
        names = [*self.bars, *(name for name in self.lines.columns if name not in self.bars)]
        return {
            "name": self.name,
            "format": self.number_format.meta,
            "range": self.number_format.axis_range,
            "levels": self.levels,
            "band": all(end in names for end in _BAND_ENDS),
            "lines": [
                {
                    "label": name if len(names) > 1 else "",
                    "colour": colour,
                    "bars": name in self.bars,
                    "values": encode_floats(self.lines[name].to_numpy(np.float64)),
                }
                for name, colour in zip(names, colours, strict=True)
            ],
        }
