"""The layout of panes: their positions under a common time axis, and their value axes."""

from dataclasses import dataclass
from typing import Any

from streamlit_app.colours import CROSSHAIR
from streamlit_app.figures.number_formats import NumberFormat

# Pixels.
_PRICE_HEIGHT, _PANE_HEIGHT, _PANE_SPACING = 360, 104, 10
_TOP_MARGIN, _BOTTOM_MARGIN = 8, 28

_SPIKE = {
    "showspikes": True,
    "spikemode": "across",
    "spikesnap": "cursor",
    "spikethickness": 1,
    "spikedash": "dot",
    "spikecolor": CROSSHAIR,
}


@dataclass(frozen=True)
class PaneLayout:
    """The candles' pane and `lower_count` panes below it."""

    lower_count: int

    @property
    def height(self) -> int:
        return _TOP_MARGIN + _BOTTOM_MARGIN + self._plot_height

    @property
    def last_axis(self) -> str:
        """The value axis of the lowest pane, below which the time axis is drawn."""
        return get_trace_axis(self.lower_count)

    def get_domain(self, number: int) -> tuple[float, float]:
        """Return the lower and upper end of a pane, from 0 to 1. Pane 0 has the candles."""
        top = (
            0
            if number == 0
            else _PRICE_HEIGHT + _PANE_SPACING + (number - 1) * (_PANE_HEIGHT + _PANE_SPACING)
        )
        bottom = top + (_PRICE_HEIGHT if number == 0 else _PANE_HEIGHT)
        return max(0.0, 1 - bottom / self._plot_height), 1 - top / self._plot_height

    def build_value_axis(self, number: int, number_format: NumberFormat) -> dict[str, Any]:
        """Build the `yaxis` of a pane. `live_chart.js` fits it unless its range is fixed."""
        axis: dict[str, Any] = {"domain": self.get_domain(number), "side": "right"}
        axis |= {"tickformat": number_format.tick_format, "exponentformat": "B"} | {
            "zeroline": False,
            "automargin": True,
            "fixedrange": number_format.axis_range is not None,
        }
        if number:
            axis["nticks"] = 4
        if number_format.axis_range:
            axis["range"] = number_format.axis_range
        return axis | _SPIKE

    def build_time_axis(self) -> dict[str, Any]:
        return {
            "type": "date",
            "anchor": self.last_axis,
            "rangeslider": {"visible": False},
            "automargin": True,
        } | _SPIKE

    def get_margin(self) -> dict[str, int]:
        return {"l": 8, "r": 8, "t": _TOP_MARGIN, "b": _BOTTOM_MARGIN}

    @property
    def _plot_height(self) -> int:
        return _PRICE_HEIGHT + self.lower_count * (_PANE_HEIGHT + _PANE_SPACING)


def get_trace_axis(number: int) -> str:
    """Return a pane's value axis as traces name it: `y`, `y2`, `y3`."""
    return f"y{number + 1}" if number else "y"


def get_layout_axis(number: int) -> str:
    """Return a pane's value axis as the layout names it: `yaxis`, `yaxis2`, `yaxis3`."""
    return f"yaxis{number + 1}" if number else "yaxis"


def draw_level_line(number: int, level: float) -> dict[str, Any]:
    """Build a dashed line across a pane at a level, such as 30 and 70 of the RSI."""
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1} | {
        "yref": get_trace_axis(number),
        "y0": level,
        "y1": level,
        "layer": "below",
        "line": {"color": CROSSHAIR, "width": 1, "dash": "dash"},
    }
