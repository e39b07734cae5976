"""The settings of the environment: values with secrets masked, and where to change them."""

import pandas as pd
import streamlit as st
from pydantic import SecretStr

from crypto_assets.addresses import redact_address, remove_logins
from crypto_assets.installation import describe_document
from crypto_assets.pipeline.control.runtime_settings import RUNTIME_SETTINGS
from crypto_assets.settings import Settings, get_env_file, get_settings, get_variable_name
from crypto_assets.warehouse.catalog.app_settings import SECRET_MASK
from streamlit_app.data import app_settings

_LINK_SETTINGS = {"dagster_link_url", "app_link_url", "runbook_url"}


def render_environment() -> None:
    """Draw the settings. Raises WarehouseError."""
    st.markdown(
        f"Read at startup. To change a value, edit `{get_env_file()}` or the environment, "
        "and restart Dagster and the app. "
        f"`{describe_document('docs/settings.md')}` describes each variable."
    )
    effective = app_settings.query_runtime_settings()
    rows = [
        {
            "Variable": get_variable_name(name),
            "Value": _format_variable(name, getattr(get_settings(), name)),
            "Source": "environment" if name in get_settings().model_fields_set else "default",
            "Override": f"{effective[name].value}"
            if name in RUNTIME_SETTINGS and effective[name].is_overridden
            else "",
        }
        for name in Settings.model_fields
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config={
            "Variable": st.column_config.TextColumn(width="medium"),
            "Value": st.column_config.TextColumn(width="large"),
            "Override": st.column_config.TextColumn(
                help="The value set in this app, which is used instead."
            ),
        },
    )


def _format_variable(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return SECRET_MASK if value.get_secret_value() else "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, str):
        # Links are stored without a login, and their paths may contain an @.
        is_address = "://" in value and name not in _LINK_SETTINGS
        return (redact_address(value) if is_address else remove_logins(value)) or "none"
    return str(value) if value is not None else "none"
