"""The inputs of an indicator's parameters, whose values are in the address."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from crypto_assets.analytics import Provider
from streamlit_app.analytics import address
from streamlit_app.analytics.indicator_instances import (
    IndicatorInstance,
    build_parameter_change,
    format_parameter_key,
)
from streamlit_app.components.parameter_inputs import render_parameter_input


def render_parameter_inputs(
    provider: Provider[Any], instance: IndicatorInstance, symbols: Sequence[str]
) -> None:
    """Draw the inputs, whose changes go to the address."""
    values = dict(instance.params)
    for name, field in provider.params.model_fields.items():
        key = format_parameter_key(instance.key, name)
        render_parameter_input(
            name,
            field,
            values[field.alias or name],
            symbols,
            address.format_widget_key(key),
            address.on_widget_change(
                key, partial(build_parameter_change, provider, instance.key, name)
            ),
        )
