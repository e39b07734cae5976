"""Changes by the viewer: access check, confirmation, and feedback."""

from collections.abc import Callable

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.warehouse.catalog.app_settings import Author
from streamlit_app import auth, data
from streamlit_app.components import notices
from streamlit_app.data import app_settings, price_alerts, scheduler

_MESSAGES_KEY, _DIALOG_KEY = "action_messages", "requested_dialog"
# Cached data that a change makes out of date.
_CACHED_READS = (
    data.query_dashboard,
    data.query_instruments,
    app_settings.query_layouts,
    app_settings.query_setting_changes,
    app_settings.query_runtime_settings,
    app_settings.query_symbols,
    scheduler.query_backfills,
    scheduler.query_fetch_intervals,
    scheduler.query_backfill_preview,
    scheduler.query_automation,
    price_alerts.query_rules,
    price_alerts.query_events,
)


def run_action(action: Callable[[Author], str]) -> None:
    """Run a change, show its message, and rerun the page, which closes any dialog.

    `action` takes the viewer, for the change log, and returns the message. Errors are shown
    in place.
    """
    try:
        auth.require_write_access()
        message = action(auth.get_viewer())
    except CryptoAssetsError as error:
        st.error(notices.format_sentence(str(error)), icon=":material/error:")
        return
    for query in _CACHED_READS:
        query.clear()
    st.session_state.setdefault(_MESSAGES_KEY, []).append(message)
    st.rerun()


def render_messages() -> None:
    """Show the messages of finished changes.

    Call it after the parts of the page, so that no message comes before its change is visible.
    """
    for message in st.session_state.pop(_MESSAGES_KEY, []):
        st.toast(message, icon=":material/check_circle:", duration="long")


def render_requested_dialog() -> None:
    """Open the dialog that was requested. Call it before the parts of the page, which are slow."""
    if dialog := st.session_state.pop(_DIALOG_KEY, None):
        dialog()


def request_dialog(dialog: Callable[[], None]) -> None:
    """Open a dialog from the page, even if a fragment requests it.

    A dialog that a fragment opens belongs to that fragment, and Streamlit drops a click that
    arrives together with the fragment's next refresh.
    """
    st.session_state[_DIALOG_KEY] = dialog
    st.rerun()


def confirm_action(title: str, text: str, label: str, action: Callable[[Author], str]) -> None:
    """Run a change after a confirmation. `label` is the text of the button that runs it."""

    @st.dialog(title)
    def confirmation() -> None:
        st.markdown(text)
        if st.button(label, type="primary", key="confirm"):
            run_action(action)

    request_dialog(confirmation)
