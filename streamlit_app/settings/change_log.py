"""The change log: changes made in the app, the API and Dagster's pages."""

import json
from typing import Any

import streamlit as st

from crypto_assets.warehouse.catalog.app_settings import SettingChange
from streamlit_app.components import notices, tables
from streamlit_app.data import app_settings

_NONE = "\N{EM DASH}"


def render_change_log() -> None:
    """Draw the log. Raises WarehouseError."""
    changes = app_settings.query_setting_changes()
    if not changes:
        notices.render_empty_state("No changes yet.")
        return
    names = ("What", "Before", "After", "Who", "Address")
    tables.render_table(
        tables.build_table_frame(map(_build_row, changes), ["When"]),
        {
            "When": tables.time_column("When (UTC)"),
            **{name: st.column_config.TextColumn(name) for name in names},
        },
        "Changes, newest first",
    )


def _build_row(change: SettingChange) -> dict[str, Any]:
    return {
        "When": change.changed_at,
        "What": change.name.replace("_", " "),
        "Before": _format_value(change.old),
        "After": _format_value(change.new),
        "Who": change.who,
        "Address": change.address or _NONE,
    }


def _format_value(value: Any) -> str:
    if value is None:
        return _NONE
    return value if isinstance(value, str) else json.dumps(value)
