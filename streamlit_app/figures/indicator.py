"""An indicator of the candle chart: lines and bars in one unit."""

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
    """The columns of an indicator, with one value (or NaN) per candle.

    `bars` names the columns drawn as bars. `levels` are values marked across the whole pane.
    """

    name: str
    lines: pd.DataFrame
    number_format: NumberFormat
    bars: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()


def draw_indicator(
    times: np.ndarray, drawn: Indicator, interval: Interval, axis: str, colours: list[str]
) -> Iterator[go.Scatter | go.Bar]:
    """Draw the bars, then the lines over them; only the first has a legend entry."""
    columns = [*drawn.bars, *(name for name in drawn.lines.columns if name not in drawn.bars)]
    for column, colour in zip(columns, colours, strict=False):
        values = drawn.lines[column].to_numpy(np.float64)
        options: dict[str, Any] = {
            "name": drawn.name,
            "yaxis": axis,
            "legendgroup": drawn.name,
            "showlegend": column == columns[0],
            "hoverinfo": "none",
            "meta": drawn.number_format.meta
            | {"label": column if len(columns) > 1 else "", "colour": colour},
        }
        if column in drawn.bars:
            yield _draw_bars(times, values, options)
        else:
            x, y = break_lines_at_gaps(times, values, interval)
            yield go.Scatter(
                x=x,
                y=y,
                mode="lines",
                line={"color": colour, "width": 1.6},
                connectgaps=False,
                **options,
            )


def _draw_bars(times: np.ndarray, values: np.ndarray, options: dict[str, Any]) -> go.Bar:
    """Draw bars in the rising colour above zero and the falling one below; paler if shrinking."""
    grows = np.abs(values) >= np.abs(np.concatenate([[0.0], values[:-1]]))
    shades = [
        make_translucent(colour, alpha) for colour in (RISING, FALLING) for alpha in (0.75, 0.4)
    ]
    shade_index = np.where(values >= 0, 0, 2) + np.where(grows, 0, 1)
    return go.Bar(
        x=times.astype(np.float64),
        y=values,
        marker={
            "color": shade_index,
            "cmin": 0,
            "cmax": 3,
            "colorscale": [[index / 3, shade] for index, shade in enumerate(shades)],
            "line": {"width": 0},
        },
        **options,
    )
