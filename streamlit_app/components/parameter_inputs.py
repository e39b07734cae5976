"""An input for a parameter of an indicator, with its bounds, default, and help."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

_INPUT_WIDTH = 130  # pixels


def render_parameter_input(
    name: str,
    field: FieldInfo,
    value: Any,
    symbols: Sequence[str],
    key: str,
    on_change: Callable[[], None] | None = None,
) -> Any:
    """Draw the input of a parameter, and return what it contains. A text parameter is a symbol."""
    label = (field.alias or name).replace("_", " ").capitalize()
    common: dict[str, Any] = {"key": key, "help": field.description, "on_change": on_change}
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        words = [str(member.value) for member in annotation]
        return st.selectbox(label, words, words.index(str(value)), width=_INPUT_WIDTH, **common)
    if isinstance(field.default, bool):
        return st.checkbox(label, value, **common)
    if isinstance(field.default, str):
        names = list(dict.fromkeys([*symbols, value]))
        return st.selectbox(label, names, names.index(value), width=_INPUT_WIDTH, **common)
    if isinstance(field.default, tuple):
        names = list(dict.fromkeys([*symbols, *value]))
        return st.multiselect(label, names, list(value), **common)
    return _render_number_input(label, field, value, common)


def is_number(field: FieldInfo) -> bool:
    """Return whether a parameter is a number."""
    return isinstance(field.default, int | float) and not isinstance(field.default, bool)


def _render_number_input(label: str, field: FieldInfo, value: Any, common: dict[str, Any]) -> Any:
    low, high = _get_bounds(field)
    is_integer = isinstance(field.default, int)
    bounds = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    help_text = ": ".join(filter(None, [field.description, bounds]))
    return st.number_input(
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
