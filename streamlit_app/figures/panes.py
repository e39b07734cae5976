"""Panes under one another on one time axis: where each lies, and how its values are written."""

from dataclasses import dataclass
from typing import Any

from streamlit_app.colours import CROSSHAIR
from streamlit_app.figures.number_formats import Writing

# Pixels.
_PRICE, _PANE, _GAP = 360, 104, 10
_TOP, _BOTTOM = 8, 28

_SPIKE = {
    "showspikes": True,
    "spikemode": "across",
    "spikesnap": "cursor",
    "spikethickness": 1,
    "spikedash": "dot",
    "spikecolor": CROSSHAIR,
}


@dataclass(frozen=True)
class Panes:
    """The candles' pane and `count` lower ones under it."""

    count: int

    @property
    def height(self) -> int:
        return _TOP + _BOTTOM + self._plotted

    @property
    def last_axis(self) -> str:
        """The lowest pane's, under which the times stand."""
        return axis_of(self.count)

    def domain(self, number: int) -> tuple[float, float]:
        """Lower and upper end of a pane as parts of the height; number 0 is the candles'."""
        top = 0 if number == 0 else _PRICE + _GAP + (number - 1) * (_PANE + _GAP)
        bottom = top + (_PRICE if number == 0 else _PANE)
        return max(0.0, 1 - bottom / self._plotted), 1 - top / self._plotted

    def value_axis(self, number: int, writing: Writing) -> dict[str, Any]:
        """A layout's `yaxis` of a pane; `readout.js` fits it to what is seen unless it has ends."""
        axis: dict[str, Any] = {"domain": self.domain(number), "side": "right"}
        axis |= {"tickformat": writing.ticks, "exponentformat": "B"} | {
            "zeroline": False,
            "automargin": True,
            "fixedrange": writing.ends is not None,
        }
        if number:
            axis["nticks"] = 4
        if writing.ends:
            axis["range"] = writing.ends
        return axis | _SPIKE

    def time_axis(self) -> dict[str, Any]:
        return {
            "type": "date",
            "anchor": self.last_axis,
            "rangeslider": {"visible": False},
            "automargin": True,
        } | _SPIKE

    def margin(self) -> dict[str, int]:
        return {"l": 8, "r": 8, "t": _TOP, "b": _BOTTOM}

    @property
    def _plotted(self) -> int:
        return _PRICE + self.count * (_PANE + _GAP)


def axis_of(number: int) -> str:
    """A trace's word for a pane's value axis: `y`, `y2`, `y3`."""
    return f"y{number + 1}" if number else "y"


def axis_name(number: int) -> str:
    """A layout's word for the same: `yaxis`, `yaxis2`, `yaxis3`."""
    return f"yaxis{number + 1}" if number else "yaxis"


def rule(number: int, level: float) -> dict[str, Any]:
    """A dashed line over a whole pane at a level that means something, as RSI's 30 and 70."""
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1} | {
        "yref": axis_of(number),
        "y0": level,
        "y1": level,
        "layer": "below",
        "line": {"color": CROSSHAIR, "width": 1, "dash": "dash"},
    }
