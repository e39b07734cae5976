"""An indicator of the candle chart as data: lines and bars in one unit, with their colours.

`Indicator` does not depend on the library that draws it. `draw_indicator` draws it with Plotly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from crypto_assets.analytics import Panel
from crypto_assets.market.intervals import Interval
from streamlit_app.colours import FALLING, RISING, make_translucent
from streamlit_app.figures.gap_shading import break_lines_at_gaps
from streamlit_app.figures.number_formats import NumberFormat

DEFAULT_WIDTH = 1.6  # pixels
_BAND_OPACITY = 0.08


@dataclass(frozen=True)
class Indicator:
    """The columns of an indicator, with one value (or NaN) per candle, oldest first.

    `key` identifies it in the address of the page (`ema`, `ema.2`), and `name` is its legend entry
    (`EMA 50`). It is drawn over the candles or in a pane of its own, as `panel` says. `colours` has
    a CSS colour per column. The columns of `bars` are drawn as bars, all others as lines of `width`
    pixels. `band` names two columns between which the chart is filled. `levels` are values marked
    across the whole pane.
    """

    key: str
    name: str
    panel: Panel
    lines: pd.DataFrame
    number_format: NumberFormat
    colours: tuple[str, ...]
    width: float = DEFAULT_WIDTH
    bars: tuple[str, ...] = ()
    band: tuple[str, str] | None = None
    levels: tuple[float, ...] = ()

    @property
    def drawn_columns(self) -> list[str]:
        """The columns in drawing order: bars below lines."""
        columns = [str(name) for name in self.lines.columns]
        return sorted(columns, key=lambda name: name not in self.bars)

    @property
    def band_ends(self) -> tuple[str, ...]:
        return self.band or ()

    def get_colour(self, column: str) -> str:
        return self.colours[list(self.lines.columns).index(column)]


def draw_indicator(
    times: np.ndarray, drawn: Indicator, interval: Interval, axis: str
) -> Iterator[go.Scatter | go.Bar]:
    """Draw the band and the bars, then the lines over them; only the first has a legend entry."""
    columns = drawn.drawn_columns
    if drawn.band:
        yield _draw_band(times, drawn, interval, axis)
    for column in columns:
        values, colour = drawn.lines[column].to_numpy(np.float64), drawn.get_colour(column)
        options: dict[str, Any] = {
            "name": drawn.name,
            "yaxis": axis,
            "legendgroup": drawn.key,
            "showlegend": column == columns[0],
            "hoverinfo": "none",
            "meta": drawn.number_format.meta
            | {"label": column if len(columns) > 1 else "", "colour": colour},
        }
        if column in drawn.bars:
            yield _draw_bars(times, values, options)
            continue
        x, y = break_lines_at_gaps(times, values, interval)
        yield go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": colour, "width": drawn.width},
            connectgaps=False,
            **options,
        )


def _draw_band(times: np.ndarray, drawn: Indicator, interval: Interval, axis: str) -> go.Scatter:
    """Fill the area between the ends of the band, as one polygon per run without a gap."""
    upper, lower = (drawn.lines[name].to_numpy(np.float64) for name in drawn.band_ends)
    x, above = break_lines_at_gaps(times, upper, interval)
    _, below = break_lines_at_gaps(times, lower, interval)
    undefined = np.flatnonzero(np.isnan(above) | np.isnan(below))
    xs: list[float] = []
    ys: list[float] = []
    for run in np.split(np.arange(len(x)), undefined):
        run = run[np.isfinite(above[run]) & np.isfinite(below[run])]
        if len(run) > 1:
            # The missing value ends the polygon. Its time must be one, as all others.
            xs += [*x[run], *x[run[::-1]], x[run[0]]]
            ys += [*above[run], *below[run[::-1]], np.nan]
    return go.Scatter(
        x=np.array(xs),
        y=np.array(ys),
        yaxis=axis,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=make_translucent(drawn.get_colour(drawn.band_ends[0]), _BAND_OPACITY),
        name=drawn.name,
        hoverinfo="skip",
        showlegend=False,
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
