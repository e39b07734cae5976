"""An input per parameter of an indicator, with its bounds, default, and help."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from crypto_assets.analytics import Provider
from streamlit_app.analytics import address
from streamlit_app.analytics.indicator_instances import (
    IndicatorInstance,
    build_parameter_change,
    format_parameter_key,
)

_INPUT_WIDTH = 130  # pixels


def render_parameter_inputs(
    provider: Provider[Any], instance: IndicatorInstance, symbols: Sequence[str]
) -> None:
    """Draw the inputs, whose changes go to the address. A text parameter is a symbol."""
    values = dict(instance.params)
    for name, field in provider.params.model_fields.items():
        key = format_parameter_key(instance.key, name)
        _render_input(provider, instance, name, values[field.alias or name], symbols, key)


def _render_input(
    provider: Provider[Any],
    instance: IndicatorInstance,
    name: str,
    value: Any,
    symbols: Sequence[str],
    key: str,
) -> None:
    field = provider.params.model_fields[name]
    label = (field.alias or name).replace("_", " ").capitalize()
    on_change = address.on_widget_change(
        key, lambda chosen: build_parameter_change(provider, instance.key, name, chosen)
    )
    common: dict[str, Any] = {
        "key": address.format_widget_key(key),
        "help": field.description,
        "on_change": on_change,
    }
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        words = [str(member.value) for member in annotation]
        st.selectbox(label, words, words.index(str(value)), width=_INPUT_WIDTH, **common)
    elif isinstance(field.default, bool):
        st.checkbox(label, value, **common)
    elif isinstance(field.default, str):
        names = list(dict.fromkeys([*symbols, value]))
        st.selectbox(label, names, names.index(value), width=_INPUT_WIDTH, **common)
    elif isinstance(field.default, tuple):
        st.multiselect(label, list(dict.fromkeys([*symbols, *value])), list(value), **common)
    else:
        _render_number_input(label, field, value, common)


def _render_number_input(label: str, field: FieldInfo, value: Any, common: dict[str, Any]) -> None:
    low, high = _get_bounds(field)
    is_integer = isinstance(field.default, int)
    bounds = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    help_text = ": ".join(filter(None, [field.description, bounds]))
    st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=type(field.default)(value),
        step=1 if is_integer else 0.1,
        width=_INPUT_WIDTH,
        **common | {"help": help_text},
    )


def _get_bounds(field: FieldInfo) -> tuple[Any, Any]:
    """Return the inclusive bounds. The provider rejects excluded ends of floats."""
    low = high = None
    for limit in field.metadata:
        low = getattr(limit, "ge", getattr(limit, "gt", low))
        high = getattr(limit, "le", getattr(limit, "lt", high))
    kind = type(field.default)
    return (None if low is None else kind(low)), (None if high is None else kind(high))
