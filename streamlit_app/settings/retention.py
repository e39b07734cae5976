"""Retention: how long each kind is kept, changed for the next night's run."""

from functools import partial
from typing import Any

import streamlit as st

from crypto_assets.pipeline.control.runtime_settings import (
    RETENTION_SETTINGS,
    EffectiveSetting,
    RuntimeSetting,
    override_settings,
    reset_setting,
)
from streamlit_app import data
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.data import app_settings

_SETTING_TEXTS = {
    "raw_days": (
        "Days in the raw lake",
        "Then objects move to the archive lake; none goes that is not loaded.",
    ),
    "archive_days": (
        "Days in the archive lake",
        "Then objects are deleted for good. The warehouse keeps its candles.",
    ),
    "lake_max_gb": (
        "Most that the lake may hold, GB",
        "Above it the oldest archived objects go first. Leave it empty for no bound.",
    ),
    "minute_days": (
        "Days of minute candles in the warehouse",
        "Then they go, by whole days; hours and days stay for ever. 0 keeps minutes for ever.",
    ),
    "order_book_days": (
        "Days of order-book levels",
        "Then the levels go; best prices, spread and depth of each snapshot stay.",
    ),
}


def render_retention_settings(allowed: bool) -> None:
    """Raises WarehouseError."""
    st.caption(
        "Counts at the next run of retention: each night at 03:00 UTC, or at once by Run now of "
        "Maintenance on the page Scheduler."
    )
    found = app_settings.query_runtime_settings()
    with st.form("retention", border=False):
        with st.grid(3, min_column_width=300):
            wanted = {
                name: _render_input(choice, found[name])
                for name, choice in RETENTION_SETTINGS.items()
            }
        saved = st.form_submit_button("Save", type="primary", disabled=not allowed)
    if saved:
        _confirm_changes(wanted, found)
    for name in RETENTION_SETTINGS:
        if found[name].is_overridden:
            _render_reset_button(name, found[name], allowed)


def _render_input(choice: RuntimeSetting, found: EffectiveSetting) -> float | None:
    """What is not touched comes back as it is."""
    label, meaning = _SETTING_TEXTS[choice.name]
    # Streamlit wants all numbers of an input to be of one kind.
    kind: Any = float if choice.allows_fractions else int
    with st.container(border=True, height="stretch", gap="xsmall"):
        value = st.number_input(
            label,
            min_value=kind(choice.minimum),
            max_value=kind(choice.maximum),
            value=None if found.value is None else kind(found.value),
            step=kind(1),
            format="%g" if choice.allows_fractions else "%d",
            placeholder=choice.unset_label or "",
            # What is put back to its default must not keep what was typed before.
            key=f"keep_{choice.name}_{found.value}",
        )
        st.caption(meaning)
    return int(value) if value is not None and float(value).is_integer() else value


def _confirm_changes(wanted: dict[str, float | None], found: dict[str, EffectiveSetting]) -> None:
    changed = {name: value for name, value in wanted.items() if value != found[name].value}
    if not changed:
        st.caption("Nothing differs from what counts already.")
        return
    lines = [
        f"- {_SETTING_TEXTS[name][0]}: {_format_setting(name, found[name].value)} → **{_format_setting(name, value)}**"
        for name, value in changed.items()
    ]
    if any(_is_shorter(value, found[name].value, name) for name, value in changed.items()):
        lines.append("\n**What is older goes for good**, from the next run of retention on.")
    confirm_action(
        "Change retention?", "\n".join(lines), "Change it", partial(_save_retention, changed)
    )


def _is_shorter(value: float | None, before: float | None, name: str) -> bool:
    """Whether less is kept than before; of minutes 0 is for ever."""
    for_ever = float("inf")
    new, old = (for_ever if one is None else one for one in (value, before))
    if name == "minute_days":
        new, old = new or for_ever, old or for_ever
    return new < old


def _format_setting(name: str, value: float | None) -> str:
    choice = RETENTION_SETTINGS[name]
    if value is None:
        return str(choice.unset_label)
    return "for ever" if name == "minute_days" and not value else f"{value:g} {choice.unit}"


def _save_retention(changed: dict[str, float | None], who: str) -> str:
    override_settings(data.get_pipeline_context(), changed, who)
    return "Retention is changed, from its next run on."


def _render_reset_button(name: str, found: EffectiveSetting, allowed: bool) -> None:
    if st.button(
        f"{_SETTING_TEXTS[name][0]}: back to {_format_setting(name, found.default)}",
        icon=":material/undo:",
        type="tertiary",
        key=f"default_{name}",
        help="What the environment says counts again.",
        disabled=not allowed,
    ):
        run_action(partial(_reset_to_default, name))


def _reset_to_default(name: str, who: str) -> str:
    reset_setting(data.get_pipeline_context(), name, who)
    return f"{_SETTING_TEXTS[name][0]}: what the environment says counts again."
