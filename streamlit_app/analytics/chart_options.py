"""How the candle chart is drawn: chart type, price scale, and time zone of its address."""

from enum import StrEnum
from typing import Any

from streamlit_app.analytics import address
from streamlit_app.format.viewer_zone import LOCAL


class ChartType(StrEnum):
    CANDLES = "Candles"
    HOLLOW = "Hollow"
    BARS = "Bars"
    LINE = "Line"
    AREA = "Area"
    HEIKIN_ASHI = "Heikin-Ashi"
    BASELINE = "Baseline"


class PriceScale(StrEnum):
    LINEAR = "linear"
    LOG = "log"
    PERCENT = "percent"


def handle_scale_report(report: Any) -> None:
    """Write the scale that the chart's own buttons choose to the address."""
    scale = PriceScale(report) if report in list(PriceScale) else PriceScale.LINEAR
    change = None if scale is PriceScale.LINEAR else str(scale)
    address.change_address({"scale": change}, keep_widgets=True)


def handle_markers_report(report: Any) -> None:
    """Write whether the chart shows its markers to the address."""
    address.change_address({"markers": None if report else "false"}, keep_widgets=True)


def handle_zone_report(report: Any) -> None:
    """Write the zone that the browser reports to the address, which does not name the browser's."""
    choice = report if isinstance(report, str) and report != LOCAL else None
    address.change_address({"tz": choice}, keep_widgets=True)
