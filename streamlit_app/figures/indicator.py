"""An indicator as a chart draws it: a name, a column for each line or set of bars, its unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crypto_assets.market.intervals import Interval
from streamlit_app.colours import FALLING, RISING, make_translucent
from streamlit_app.figures.gap_shading import break_lines_at_gaps
from streamlit_app.figures.number_formats import NumberFormat


@dataclass(frozen=True)
class Indicator:
    """A column each, a value (or NaN) for each candle; `bars` are the columns drawn as bars.

    `levels` are the values at which a rule is drawn over the whole pane.
    """

    name: str
    lines: pd.DataFrame
    number_format: NumberFormat
    bars: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()


def draw_indicator(
    times: np.ndarray, shown: Indicator, interval: Interval, axis: str, colours: list[str]
) -> Iterator[go.Scatter | go.Bar]:
    """Bars first, so that lines lie over them; the first one's name stands for all."""
    columns = [*shown.bars, *(name for name in shown.lines.columns if name not in shown.bars)]
    for column, colour in zip(columns, colours, strict=False):
        values = shown.lines[column].to_numpy(np.float64)
        about: dict[str, Any] = {
            "name": shown.name,
            "yaxis": axis,
            "legendgroup": shown.name,
            "showlegend": column == columns[0],
            "hoverinfo": "none",
            "meta": shown.number_format.meta
            | {"label": column if len(columns) > 1 else "", "colour": colour},
        }
        if column in shown.bars:
            yield _draw_bars(times, values, about)
        else:
            x, y = break_lines_at_gaps(times, values, interval)
            yield go.Scatter(
                x=x,
                y=y,
                mode="lines",
                line={"color": colour, "width": 1.6},
                connectgaps=False,
                **about,
            )


def _draw_bars(times: np.ndarray, values: np.ndarray, about: dict[str, Any]) -> go.Bar:
    """Above zero the colour of rising, below that of falling; paler where it shrinks."""
    grows = np.abs(values) >= np.abs(np.concatenate([[0.0], values[:-1]]))
    shades = [make_translucent(hue, part) for hue in (RISING, FALLING) for part in (0.75, 0.4)]
    which = np.where(values >= 0, 0, 2) + np.where(grows, 0, 1)
    return go.Bar(
        x=times.astype(np.float64),
        y=values,
        marker={
            "color": which,
            "cmin": 0,
            "cmax": 3,
            "colorscale": [[place / 3, shade] for place, shade in enumerate(shades)],
            "line": {"width": 0},
        },
        **about,
    )
