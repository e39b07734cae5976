"""Settings of the environment: their values, secrets masked, and where to change them."""

import pandas as pd
import streamlit as st
from pydantic import SecretStr

from crypto_assets.addresses import redact_address, remove_logins
from crypto_assets.pipeline.control.runtime_settings import RUNTIME_SETTINGS
from crypto_assets.settings import PROJECT_ROOT, Settings, get_settings, get_variable_name
from crypto_assets.warehouse.catalog.app_settings import SECRET_MASK
from streamlit_app.data import app_settings

_LINK_SETTINGS = {"dagster_link_url", "app_link_url", "runbook_url"}


def render_environment() -> None:
    """Raises WarehouseError."""
    st.markdown(
        f"Read when a program starts. To change one, edit `{PROJECT_ROOT / '.env'}`, or what sets "
        "the environment there, and start Dagster and the app again. `docs/settings.md` says what "
        "each one means."
    )
    chosen = app_settings.query_runtime_settings()
    rows = [
        {
            "Variable": get_variable_name(name),
            "Value": _format_variable(name, getattr(get_settings(), name)),
            "Set": "yes" if name in get_settings().model_fields_set else "by default",
            "Here instead": f"{chosen[name].value}"
            if name in RUNTIME_SETTINGS and chosen[name].is_overridden
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
            "Here instead": st.column_config.TextColumn(
                help="What this page has set, which counts instead."
            ),
        },
    )


def _format_variable(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return SECRET_MASK if value.get_secret_value() else "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, str):
        # The settings themselves have taken the login out of links, in whose paths an @ may stand.
        is_asked = "://" in value and name not in _LINK_SETTINGS
        return (redact_address(value) if is_asked else remove_logins(value)) or "none"
    return str(value) if value is not None else "none"
