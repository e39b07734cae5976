"""The dialogs that the chart itself opens: an alert at a price, the settings of an indicator.

The chart's reports arrive in a fragment, so what they ask for is opened by the next part of it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from crypto_assets.market.price_alerts import Comparison
from streamlit_app import actions, auth
from streamlit_app.analytics import address, indicator_instances
from streamlit_app.analytics.chart_indicators import VOLUME, format_legend
from streamlit_app.analytics.indicator_instances import (
    MAX_WIDTH,
    MIN_WIDTH,
    IndicatorInstance,
    QueryChanges,
)
from streamlit_app.analytics.selection import ChartSelection
from streamlit_app.colors import LINE_COLORS
from streamlit_app.components import notices
from streamlit_app.components.parameter_inputs import render_parameter_input
from streamlit_app.components.price_alert_form import CAPTION, render_alert_inputs
from streamlit_app.data import analytics

_PENDING_KEY = "_chart_dialog"
_PRICE = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)


def request_alert_dialog(selection: ChartSelection, report: Any) -> None:
    """Request the dialog for the `{"price"}` that the chart reports."""
    match report:
        case {"price": str(price)} if _PRICE.fullmatch(price) and auth.find_caller().is_operator:
            st.session_state[_PENDING_KEY] = lambda: _open_alert_dialog(selection, price)


def request_settings_dialog(selection: ChartSelection, instance: IndicatorInstance) -> None:
    """Request the dialog with the parameters of an indicator."""
    st.session_state[_PENDING_KEY] = lambda: _open_settings_dialog(selection, instance)


def open_requested_dialog() -> None:
    """Rerun the page with the dialog that was requested, if any."""
    dialog: Callable[[], None] | None = st.session_state.pop(_PENDING_KEY, None)
    if dialog is not None:
        actions.request_dialog(dialog)


@st.dialog("New price alert", width="medium")
def _open_alert_dialog(selection: ChartSelection, price: str) -> None:
    newest = analytics.query_newest_candle(selection.instrument.symbol, selection.interval)
    is_above = newest is None or float(price) >= newest[2]
    comparison = Comparison.CROSSES_ABOVE if is_above else Comparison.CROSSES_BELOW
    with st.container(horizontal=True, vertical_alignment="bottom"):
        draft = render_alert_inputs(
            [selection.instrument.symbol], price, selection.interval, comparison
        )
    st.caption(CAPTION)
    if st.button(
        "Add alert",
        icon=":material/add_alert:",
        type="primary",
        key="add_alert",
        disabled=not draft.level,
    ):
        actions.run_action(draft.add)


@st.dialog("Indicator settings")
def _open_settings_dialog(selection: ChartSelection, instance: IndicatorInstance) -> None:
    provider = analytics.get_providers()[instance.provider]
    name = notices.escape_markdown(format_legend(instance, selection.interval))
    st.markdown(f"**{name}**", help=provider.summary)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        changes = _render_parameters(instance, list(analytics.query_chartable_instruments()))
        if instance.provider != VOLUME:
            changes |= _render_style(instance)
    if st.button("Apply", type="primary", key="apply_settings"):
        address.change_address(changes)
        st.rerun()


def _render_parameters(instance: IndicatorInstance, symbols: Sequence[str]) -> QueryChanges:
    provider, values = analytics.get_providers()[instance.provider], dict(instance.params)
    changes: QueryChanges = {}
    for name, field in provider.params.model_fields.items():
        value = render_parameter_input(
            name, field, values[field.alias or name], symbols, f"setting_{instance.key}_{name}"
        )
        changes |= indicator_instances.build_parameter_change(provider, instance.key, name, value)
    return changes


def _render_style(instance: IndicatorInstance) -> QueryChanges:
    names = list(LINE_COLORS)
    color = st.selectbox(
        "Color", names, names.index(instance.color), key=f"setting_{instance.key}_color", width=110
    )
    width = st.number_input(
        "Width",
        MIN_WIDTH,
        MAX_WIDTH,
        instance.width,
        0.5,
        "%.1f",
        key=f"setting_{instance.key}_width",
        width=130,
    )
    return indicator_instances.build_style_change(instance, color=color, width=width)
