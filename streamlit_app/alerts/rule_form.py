"""The form that adds a price alert."""

from functools import partial
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from crypto_assets.analytics import get_provider
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import CLOSE, Comparison, PriceAlertRule
from crypto_assets.pipeline.control import price_alerts
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import run_action
from streamlit_app.components import notices

_EVERY_TIME, _ONCE = "every time", "once"


def render_rule_form(can_write: bool) -> None:
    """Draw the inputs in a row, and the button that adds the rule."""
    with notices.render_errors():
        symbols = [instrument.symbol for instrument in data.query_instruments()]
        if not symbols:
            notices.render_empty_state("No symbols are tracked.")
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="alert_form"):
            symbol = st.selectbox("Symbol", symbols, key="alert_symbol", width=150)
            indicator, column = _render_value_input()
            params = _render_parameters(indicator)
            interval = st.selectbox(
                "Interval",
                [item.value for item in Interval],
                index=list(Interval).index(Interval.H1),
                key="alert_interval",
                width=100,
            )
            comparison = st.selectbox(
                "Condition",
                [item.value for item in Comparison],
                key="alert_comparison",
                width=160,
            )
            level = st.text_input("Level", placeholder="75,000", key="alert_level", width=140)
            fires = st.selectbox("Fires", [_EVERY_TIME, _ONCE], key="alert_repeats", width=130)
            clicked = st.button(
                "Add alert",
                icon=":material/add_alert:",
                type="primary",
                key="add_alert",
                disabled=not can_write or not level,
            )
        st.caption(
            "Evaluated when a candle closes. An alert that fires every time fires again after its "
            "condition was no longer met."
        )
        if clicked:
            run_action(
                partial(
                    _add_rule,
                    {
                        "symbol": symbol,
                        "interval": Interval(interval),
                        "comparison": Comparison(comparison),
                        "indicator": indicator,
                        "column": column,
                        "params": params,
                        "repeats": fires == _EVERY_TIME,
                    },
                    level,
                )
            )


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
    title = get_provider(indicator).title
    return title if indicator == column else f"{title}: {column.replace('_', ' ')}"


def _render_parameters(indicator: str) -> dict[str, object]:
    """Draw an input for each number among the parameters; the others keep their defaults."""
    if indicator == CLOSE:
        return {}
    values: dict[str, object] = {}
    for name, field in get_provider(indicator).params.model_fields.items():
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            values[field.alias or name] = _render_number(indicator, name, field)
    return values


def _render_number(indicator: str, name: str, field: FieldInfo) -> Any:
    return st.number_input(
        (field.alias or name).replace("_", " ").capitalize(),
        value=field.default,
        step=1 if isinstance(field.default, int) else 0.1,
        help=field.description,
        key=f"alert_{indicator}_{name}",
        width=130,
    )


def _add_rule(values: dict[str, Any], level: str, who: Author) -> str:
    rule = PriceAlertRule(level=price_alerts.parse_level(level), **values)
    stored = price_alerts.add_price_alert(data.get_pipeline_context().warehouse, rule, who)
    return f"Alert added: {stored.rule.symbol} {stored.rule.condition}."
