"""Switches of all registered providers, each with inputs for its parameters.

New providers appear without a change here. All values are query parameters of the page.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from crypto_assets.analytics import Panel, Provider
from streamlit_app.analytics import parameter_inputs
from streamlit_app.data import analytics
from streamlit_app.data.analytics import EnabledProviders

# The candles are not an indicator.
_ALWAYS_DRAWN = {"candlestick"}
_ON_BY_DEFAULT = frozenset(
    {"sma", "ema", "volume", "rsi"}
    | {"order_book", "volume_profile", "return_distribution", "correlation_matrix"}
)


def list_panel_providers(panel: Panel) -> list[Provider[Any]]:
    """List the providers of a panel."""
    return [
        provider
        for provider in analytics.get_providers().values()
        if provider.panel is panel and provider.name not in _ALWAYS_DRAWN
    ]


def render_switches(
    panels: Sequence[tuple[Panel, str]], symbols: Sequence[str]
) -> EnabledProviders:
    """Draw the switches under each panel's title, and return the enabled providers."""
    enabled = []
    for panel, title in panels:
        st.caption(title)
        for provider in list_panel_providers(panel):
            if values := _render_switch(provider, symbols):
                enabled.append((provider.name, values[0]))
    providers = [provider for panel, _ in panels for provider in list_panel_providers(panel)]
    st.button(
        "Reset all",
        icon=":material/restart_alt:",
        key=f"reset_{panels[0][0]}",
        on_click=_reset_all,
        args=(providers,),
    )
    return tuple(enabled)


def _render_switch(
    provider: Provider[Any], symbols: Sequence[str]
) -> tuple[tuple[tuple[str, object], ...]] | None:
    """Draw a switch. Return the parameters as a 1-tuple, None if the provider is off."""
    is_on = st.toggle(
        provider.title,
        value=provider.name in _ON_BY_DEFAULT,
        key=provider.name,
        help=provider.summary,
        bind="query-params",
    )
    # Always present, so that the inputs below keep their place and their focus.
    container = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    if not is_on:
        return None
    if not provider.params.model_fields:
        return ((),)
    with container:
        values = parameter_inputs.render_parameter_inputs(provider, symbols)
        st.button(
            "",
            icon=":material/restart_alt:",
            key=f"reset_{provider.name}",
            help=f"Reset {provider.title} to defaults",
            type="tertiary",
            on_click=_reset_provider,
            args=(provider,),
        )
    return (values,)


def _reset_provider(provider: Provider[Any]) -> None:
    st.session_state.update(parameter_inputs.get_parameter_defaults(provider))


def _reset_all(providers: Sequence[Provider[Any]]) -> None:
    for provider in providers:
        st.session_state[provider.name] = provider.name in _ON_BY_DEFAULT
        if provider.name in _ON_BY_DEFAULT:
            _reset_provider(provider)
        else:
            for key in parameter_inputs.get_parameter_defaults(provider):
                st.session_state.pop(key, None)
