"""How the candle chart is drawn: chart type and price scale, which are query parameters."""

from enum import StrEnum
from typing import Any

import streamlit as st

_SCALE_PARAMETER, _SCALE_KEY = "scale", "_scale"


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


def render_chart_type() -> ChartType:
    """Draw the choice of a chart type."""
    chosen = st.selectbox(
        "Chart type",
        [str(chart_type) for chart_type in ChartType],
        key="type",
        bind="query-params",
        width=130,
        label_visibility="collapsed",
    )
    return ChartType(chosen)


def get_price_scale() -> PriceScale:
    """Return the scale of the address or of this session, which the chart's own buttons choose."""
    text = st.query_params.get(_SCALE_PARAMETER) or st.session_state.get(_SCALE_KEY, "")
    scale = PriceScale(text) if text in list(PriceScale) else PriceScale.LINEAR
    handle_scale_report(scale)
    return scale


def handle_scale_report(report: Any) -> None:
    """Store a scale that the browser reports."""
    scale = report if report in list(PriceScale) else PriceScale.LINEAR
    st.session_state[_SCALE_KEY] = str(scale)
    if scale != PriceScale.LINEAR:
        st.query_params[_SCALE_PARAMETER] = str(scale)
    elif _SCALE_PARAMETER in st.query_params:
        del st.query_params[_SCALE_PARAMETER]
