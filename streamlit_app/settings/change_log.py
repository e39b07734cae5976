"""The change log: changes made in the app, the API and Dagster's pages."""

import json
from typing import Any

import pandas as pd
import streamlit as st

from crypto_assets.market.utc_time import from_epoch_ms
from crypto_assets.warehouse.catalog.app_settings import SettingChange
from streamlit_app.components import notices
from streamlit_app.data import app_settings

_NONE = "\N{EM DASH}"


def render_change_log() -> None:
    """Draw the log. Raises WarehouseError."""
    changes = app_settings.query_setting_changes()
    if not changes:
        notices.render_empty_state("No changes yet.")
        return
    st.dataframe(
        pd.DataFrame([_build_row(change) for change in changes]),
        hide_index=True,
        height="content" if len(changes) <= 15 else 560,
        column_config={
            "When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "What": st.column_config.TextColumn(width="medium"),
        },
    )


def _build_row(change: SettingChange) -> dict[str, Any]:
    return {
        "When (UTC)": from_epoch_ms(change.changed_at).replace(tzinfo=None),
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
