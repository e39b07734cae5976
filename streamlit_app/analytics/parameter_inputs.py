"""An input per parameter of a provider, with its bounds, default, and help.

The values are query parameters of the page, named `{provider}_{parameter}`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from crypto_assets.analytics import Provider


def render_parameter_inputs(
    provider: Provider[Any], symbols: Sequence[str]
) -> tuple[tuple[str, object], ...]:
    """Draw the inputs and return their values. A text parameter is a symbol."""
    fields = provider.params.model_fields
    return tuple(
        (
            field.alias or name,
            _render_input(
                _format_input_key(provider, name), _format_label(field, name), field, symbols
            ),
        )
        for name, field in fields.items()
    )


def get_parameter_defaults(provider: Provider[Any]) -> Mapping[str, object]:
    """Return the default values by session key."""
    return {
        _format_input_key(provider, name): _get_default(field)
        for name, field in provider.params.model_fields.items()
    }


def _format_input_key(provider: Provider[Any], name: str) -> str:
    return f"{provider.name}_{name.strip('_')}"


def _format_label(field: FieldInfo, name: str) -> str:
    return (field.alias or name).replace("_", " ").capitalize()


def _get_default(field: FieldInfo) -> object:
    if isinstance(field.default, StrEnum):
        return field.default.value
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _render_input(key: str, label: str, field: FieldInfo, symbols: Sequence[str]) -> object:
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _render_selectbox(key, label, field, [member.value for member in annotation])
    if isinstance(field.default, bool):
        return st.checkbox(
            label, field.default, key=key, help=field.description, bind="query-params"
        )
    if isinstance(field.default, str):
        return _render_selectbox(key, label, field, list(dict.fromkeys([*symbols, field.default])))
    if isinstance(field.default, tuple):
        return tuple(
            st.multiselect(
                label,
                symbols,
                default=list(field.default),
                key=key,
                help=field.description,
                bind="query-params",
            )
        )
    return _render_number_input(key, label, field)


def _render_selectbox(key: str, label: str, field: FieldInfo, options: list[str]) -> str:
    return st.selectbox(
        label,
        options,
        index=options.index(str(field.default)),
        key=key,
        help=field.description,
        bind="query-params",
    )


def _render_number_input(key: str, label: str, field: FieldInfo) -> int | float:
    low, high = _get_bounds(field)
    is_integer = isinstance(field.default, int)
    bounds = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    value: int | float = st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=field.default,
        step=1 if is_integer else 0.1,
        key=key,
        help=": ".join(filter(None, [field.description, bounds])),
        bind="query-params",
    )
    return value


def _get_bounds(field: FieldInfo) -> tuple[Any, Any]:
    """Return the inclusive bounds. The provider rejects excluded ends of floats."""
    low = high = None
    for limit in field.metadata:
        low = getattr(limit, "ge", getattr(limit, "gt", low))
        high = getattr(limit, "le", getattr(limit, "lt", high))
    kind = type(field.default)
    return (None if low is None else kind(low)), (None if high is None else kind(high))
