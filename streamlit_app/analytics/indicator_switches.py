"""The menus of indicators and statistics, which list every registered provider.

New providers appear without a change here.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from crypto_assets.analytics import Panel, Provider
from streamlit_app.analytics import address, indicator_instances, parameter_inputs
from streamlit_app.analytics.chart_indicators import VOLUME, format_legend
from streamlit_app.analytics.chart_request import (
    ChartRequest,
    select_chart_providers,
    select_panels,
)
from streamlit_app.analytics.indicator_instances import (
    MAX_WIDTH,
    MIN_WIDTH,
    IndicatorInstance,
    Providers,
)
from streamlit_app.colors import LINE_COLORS
from streamlit_app.components import notices
from streamlit_app.data import analytics

_SEARCH_KEY, _SLOTS_KEY = "add_indicator", "_indicator_slots"


def render_indicator_list(request: ChartRequest, symbols: Sequence[str]) -> None:
    """Draw a search over all indicators, and the settings of each one in the chart."""
    providers = _list_indicator_providers()
    st.selectbox(
        "Add an indicator",
        list(providers),
        index=None,
        key=_SEARCH_KEY,
        format_func=lambda name: providers[name].search_name,
        placeholder=f"Search {len(providers)} indicators",
        label_visibility="collapsed",
        on_change=_add_chosen_indicator,
        args=(request,),
    )
    instances = {instance.key: instance for instance in request.indicators}
    for key in _assign_slots(list(instances)):
        if key in instances:
            _render_instance(request, instances[key], symbols)
        else:
            st.empty()
    _render_reset_button(providers, "price")


def _assign_slots(keys: Sequence[str]) -> list[str]:
    """Return all indicators that this session has had in the list, in the order of addition.

    One that was removed leaves an empty slot. Without it, the inputs below would move up in
    Streamlit's tree of elements, which may replace them: text that is not submitted would be lost.
    """
    slots: list[str] = st.session_state.setdefault(_SLOTS_KEY, [])
    slots.extend(key for key in keys if key not in slots)
    return slots


def render_chart_switches(request: ChartRequest, symbols: Sequence[str]) -> None:
    """Draw a switch for each statistic, and the inputs of those that are on."""
    enabled = {instance.provider: instance for instance in request.charts}
    providers = select_panels(analytics.get_providers(), (Panel.ALONE,))
    for name, provider in providers.items():
        st.toggle(
            provider.title,
            value=name in enabled,
            key=address.format_widget_key(name),
            help=provider.summary,
            on_change=_switch_chart,
            args=(provider, name not in enabled),
        )
        # Always present, so that the inputs below keep their place and their focus.
        container = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        if name in enabled:
            with container:
                parameter_inputs.render_parameter_inputs(provider, enabled[name], symbols)
    _render_reset_button(providers, "alone")


def add_indicator(provider_name: str, instances: Sequence[IndicatorInstance]) -> None:
    """Add an instance of a provider to the chart, in a color that no other one has."""
    provider = analytics.get_providers()[provider_name]
    changes = indicator_instances.build_addition(address.read_address(), provider, instances)
    address.change_address(changes, keep_widgets=True)


def remove_indicator(instance: IndicatorInstance) -> None:
    """Remove an instance from the chart."""
    provider = analytics.get_providers()[instance.provider]
    query = address.read_address()
    changes = indicator_instances.build_removal(query, provider, instance.number)
    address.change_address(changes, keep_widgets=True)


def toggle_indicator(instance: IndicatorInstance) -> None:
    """Hide the lines of an instance, or show them again."""
    changes = indicator_instances.build_style_change(instance, is_hidden=not instance.is_hidden)
    address.change_address(changes, keep_widgets=True)


def _list_indicator_providers() -> Providers:
    return select_chart_providers(analytics.get_providers())


def _add_chosen_indicator(request: ChartRequest) -> None:
    chosen = st.session_state[_SEARCH_KEY]
    st.session_state[_SEARCH_KEY] = None
    if chosen is not None:
        add_indicator(chosen, request.indicators)


def _switch_chart(provider: Provider[object], is_on: bool) -> None:
    query = address.read_address()
    changes = (
        indicator_instances.build_addition(query, provider, ())
        if is_on
        else indicator_instances.build_removal(query, provider, 1)
    )
    address.change_address(changes, keep_widgets=True)


def _render_instance(
    request: ChartRequest, instance: IndicatorInstance, symbols: Sequence[str]
) -> None:
    provider = analytics.get_providers()[instance.provider]
    with st.container(key=f"indicator_{instance.key}", border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f"**{notices.escape_markdown(format_legend(instance, request.interval))}**",
                help=provider.summary,
                width="stretch",
            )
            _render_icon_button(
                "hide",
                instance,
                "visibility_off" if instance.is_hidden else "visibility",
                "Show" if instance.is_hidden else "Hide",
            )
            _render_icon_button("remove", instance, "close", "Remove")
        if instance.error:
            st.caption(f":material/warning: {notices.format_sentence(instance.error)}")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            parameter_inputs.render_parameter_inputs(provider, instance, symbols)
            if instance.provider != VOLUME:
                _render_style_inputs(instance)


_INSTANCE_ACTIONS = {"hide": toggle_indicator, "remove": remove_indicator}


def _render_icon_button(action: str, instance: IndicatorInstance, icon: str, text: str) -> None:
    st.button(
        "",
        icon=f":material/{icon}:",
        key=f"{action}_{instance.key}",
        help=f"{text} {instance.key}",
        type="tertiary",
        on_click=_INSTANCE_ACTIONS[action],
        args=(instance,),
    )


def _render_style_inputs(instance: IndicatorInstance) -> None:
    names = list(LINE_COLORS)
    st.selectbox(
        "Color",
        names,
        index=names.index(instance.color),
        key=address.format_widget_key(f"{instance.key}.color"),
        on_change=address.on_widget_change(
            f"{instance.key}.color",
            lambda color: indicator_instances.build_style_change(instance, color=color),
        ),
        width=110,
    )
    st.number_input(
        "Width",
        min_value=MIN_WIDTH,
        max_value=MAX_WIDTH,
        value=instance.width,
        step=0.5,
        format="%.1f",
        key=address.format_widget_key(f"{instance.key}.width"),
        on_change=address.on_widget_change(
            f"{instance.key}.width",
            lambda width: indicator_instances.build_style_change(instance, width=width),
        ),
        width=130,
    )


def _render_reset_button(providers: Providers, name: str) -> None:
    st.button(
        "Reset all",
        icon=":material/restart_alt:",
        key=f"reset_{name}",
        on_click=_reset_all,
        args=(providers,),
    )


def _reset_all(providers: Mapping[str, Provider[object]]) -> None:
    address.change_address(indicator_instances.build_reset(address.read_address(), providers))
