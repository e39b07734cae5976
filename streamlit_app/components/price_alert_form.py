"""The inputs of a price alert, of the page Alerts and of the chart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import streamlit as st

from crypto_assets.analytics import get_provider
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import CLOSE, Comparison, PriceAlertRule
from crypto_assets.pipeline.control import price_alerts
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.components.parameter_inputs import is_number, render_parameter_input

_EVERY_TIME, _ONCE = "every time", "once"
CAPTION = (
    "Evaluated when a candle closes. An alert that fires every time fires again after its "
    "condition was no longer met."
)


@dataclass(frozen=True)
class AlertDraft:
    """What the inputs contain. The level is text, as typed; that of `rule` is not set yet."""

    rule: PriceAlertRule
    level: str

    def add(self, who: Author) -> str:
        """Add the alert, and return a message. Raises WrongUse and UnknownSymbol."""
        rule = replace(self.rule, level=price_alerts.parse_level(self.level))
        stored = price_alerts.add_price_alert(data.get_pipeline_context().warehouse, rule, who)
        return f"Alert added: {stored.rule.symbol} {stored.rule.condition}."


def render_alert_inputs(
    symbols: Sequence[str],
    level: str = "",
    interval: Interval = Interval.H1,
    comparison: Comparison = Comparison.CROSSES_ABOVE,
) -> AlertDraft:
    """Draw the inputs with these first values, the first symbol among them."""
    symbol = st.selectbox("Symbol", symbols, key="alert_symbol", width=150)
    indicator, column = _render_value_input()
    params = _render_parameters(indicator, symbols)
    chosen_interval = st.selectbox(
        "Interval",
        [item.value for item in Interval],
        index=list(Interval).index(interval),
        key="alert_interval",
        width=100,
    )
    chosen_comparison = st.selectbox(
        "Condition",
        [item.value for item in Comparison],
        index=list(Comparison).index(comparison),
        key="alert_comparison",
        width=160,
    )
    text = st.text_input("Level", level, placeholder="75,000", key="alert_level", width=140)
    fires = st.selectbox("Fires", [_EVERY_TIME, _ONCE], key="alert_repeats", width=130)
    rule = PriceAlertRule(
        symbol=symbol,
        interval=Interval(chosen_interval),
        comparison=Comparison(chosen_comparison),
        level=Decimal(0),
        indicator=indicator,
        column=column,
        params=params,
        repeats=fires == _EVERY_TIME,
    )
    return AlertDraft(rule, text or "")


def _render_value_input() -> tuple[str, str]:
    """Return the chosen indicator and its column."""
    options = [
        (indicator, column)
        for indicator, columns in price_alerts.list_alert_columns().items()
        for column in columns
    ]
    chosen: tuple[str, str] = st.selectbox(
        "Value",
        options,
        index=options.index((CLOSE, CLOSE)),
        format_func=_format_value_name,
        filter_mode="contains",
        key="alert_value",
        width=220,
    )
    return chosen


def _format_value_name(option: tuple[str, str]) -> str:
    indicator, column = option
    if indicator == CLOSE:
        return "Close"
    name = get_provider(indicator).search_name
    return name if indicator == column else f"{name}: {column.replace('_', ' ')}"


def _render_parameters(indicator: str, symbols: Sequence[str]) -> dict[str, Any]:
    """Draw an input for each number among the parameters; the others keep their defaults."""
    if indicator == CLOSE:
        return {}
    return {
        field.alias or name: render_parameter_input(
            name, field, field.default, symbols, f"alert_{indicator}_{name}"
        )
        for name, field in get_provider(indicator).params.model_fields.items()
        if is_number(field)
    }
