"""Switches for the indicators over the candles, made from each provider's own parameters.

A provider that is registered appears here by itself: a switch, and an input for each parameter with
its bounds, its default and its help. All of them stand in the page's address.
"""

from enum import StrEnum
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from crypto_assets.analytics import Panel, Provider
from crypto_assets.analytics.registry import providers
from streamlit_app.data.analytics import Switches

# The candles themselves are no indicator over them.
_DRAWN_ANYWAY = {"candlestick"}


def overlays() -> list[Provider[Any]]:
    """Providers whose lines go over the candles."""
    return [
        provider
        for provider in providers().values()
        if provider.panel is Panel.PRICE and provider.name not in _DRAWN_ANYWAY
    ]


def choose(offered: list[Provider[Any]], on_at_first: frozenset[str]) -> Switches:
    """Draws a switch for each provider, and returns those that are on with their parameters."""
    chosen = []
    for provider in offered:
        on = st.toggle(
            provider.title,
            value=provider.name in on_at_first,
            key=provider.name,
            help=provider.summary,
            bind="query-params",
        )
        if on:
            chosen.append((provider.name, _parameters(provider)))
    return tuple(chosen)


def _parameters(provider: Provider[Any]) -> tuple[tuple[str, object], ...]:
    fields = provider.params.model_fields
    return tuple(
        (field.alias or name, _input(f"{provider.name}_{name}", name, field))
        for name, field in fields.items()
    )


def _input(key: str, name: str, field: FieldInfo) -> object:
    label = name.replace("_", " ").capitalize()
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        options = [member.value for member in field.annotation]
        return st.selectbox(
            label,
            options,
            index=options.index(str(field.default)),
            key=key,
            help=field.description,
            bind="query-params",
        )
    low, high = _bounds(field)
    return st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=field.default,
        step=type(field.default)(1) if isinstance(field.default, int) else 0.1,
        key=key,
        help=field.description,
        bind="query-params",
    )


def _bounds(field: FieldInfo) -> tuple[Any, Any]:
    """Inclusive ends; an open end of floats is left to the provider, which says what is wrong."""
    low = high = None
    for limit in field.metadata:
        low = getattr(limit, "ge", getattr(limit, "gt", low))
        high = getattr(limit, "le", getattr(limit, "lt", high))
    kind = type(field.default)
    return (None if low is None else kind(low)), (None if high is None else kind(high))
