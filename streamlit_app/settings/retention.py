"""Retention: how long each kind of data is kept."""

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
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import data
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.data import app_settings

_SETTING_TEXTS = {
    "raw_days": (
        "Raw lake (days)",
        "Older loaded objects are moved to the archive lake.",
    ),
    "archive_days": (
        "Archive lake (days)",
        "Older objects are deleted permanently. The warehouse keeps the candles.",
    ),
    "lake_max_gb": (
        "Maximum lake size (GB)",
        "Above this size, the oldest archived objects are deleted first. Empty means no limit.",
    ),
    "minute_days": (
        "Minute candles (days)",
        "Older minutes are deleted by whole days. Hours and days are kept. 0 means no limit.",
    ),
    "order_book_days": (
        "Order book levels (days)",
        "Older levels are deleted. Best prices, spread, and depth of each snapshot are kept.",
    ),
}


def render_retention_settings(can_write: bool) -> None:
    """Draw the settings. Raises WarehouseError."""
    st.caption(
        "Applied nightly at 03:00 UTC, or now with Run now of Maintenance on the Scheduler page."
    )
    effective = app_settings.query_runtime_settings()
    with st.form("retention", border=False):
        with st.grid(3, min_column_width=300):
            entered = {
                name: _render_input(setting, effective[name])
                for name, setting in RETENTION_SETTINGS.items()
            }
        submitted = st.form_submit_button("Save", type="primary", disabled=not can_write)
    if submitted:
        _confirm_changes(entered, effective)
    for name in RETENTION_SETTINGS:
        if effective[name].is_overridden:
            _render_reset_button(name, effective[name], can_write)


def _render_input(setting: RuntimeSetting, effective: EffectiveSetting) -> float | None:
    """Draw an input and return its value, an unchanged one as it was."""
    label, help_text = _SETTING_TEXTS[setting.name]
    # Streamlit needs one number type for all arguments of an input.
    kind: Any = float if setting.allows_fractions else int
    with st.container(border=True, height="stretch", gap="xsmall"):
        value = st.number_input(
            label,
            min_value=kind(setting.minimum),
            max_value=kind(setting.maximum),
            value=None if effective.value is None else kind(effective.value),
            step=kind(1),
            format="%g" if setting.allows_fractions else "%d",
            placeholder=setting.unset_label or "",
            # A new key after each change, so that a reset discards the typed value.
            key=f"keep_{setting.name}_{effective.value}",
        )
        st.caption(help_text)
    return int(value) if value is not None and float(value).is_integer() else value


def _confirm_changes(
    entered: dict[str, float | None], effective: dict[str, EffectiveSetting]
) -> None:
    changed = {name: value for name, value in entered.items() if value != effective[name].value}
    if not changed:
        st.caption("No changes to save.")
        return
    lines = [
        f"- {_SETTING_TEXTS[name][0]}: {_format_setting(name, effective[name].value)} → "
        f"**{_format_setting(name, value)}**"
        for name, value in changed.items()
    ]
    if any(_is_shorter(value, effective[name].value, name) for name, value in changed.items()):
        lines.append("\n**Older data will be deleted permanently** by the next retention run.")
    confirm_action("Change retention?", "\n".join(lines), "Save", partial(_save_retention, changed))


def _is_shorter(value: float | None, before: float | None, name: str) -> bool:
    """Return whether less is kept than before. None, and 0 for minutes, mean no limit."""
    unlimited = float("inf")
    new, old = (unlimited if limit is None else limit for limit in (value, before))
    if name == "minute_days":
        new, old = new or unlimited, old or unlimited
    return new < old


def _format_setting(name: str, value: float | None) -> str:
    setting = RETENTION_SETTINGS[name]
    if value is None:
        return str(setting.unset_label)
    return "no limit" if name == "minute_days" and not value else f"{value:g} {setting.unit}"


def _save_retention(changed: dict[str, float | None], who: Author) -> str:
    override_settings(data.get_pipeline_context(), changed, who)
    return "Retention saved. It applies to the next run."


def _render_reset_button(name: str, effective: EffectiveSetting, can_write: bool) -> None:
    if st.button(
        f"{_SETTING_TEXTS[name][0]}: reset to {_format_setting(name, effective.default)}",
        icon=":material/undo:",
        type="tertiary",
        key=f"default_{name}",
        help="Use the value from the environment.",
        disabled=not can_write,
    ):
        run_action(partial(_reset_to_default, name))


def _reset_to_default(name: str, who: Author) -> str:
    reset_setting(data.get_pipeline_context(), name, who)
    return f"{_SETTING_TEXTS[name][0]}: the value from the environment is used."
