"""Changes that a viewer asks for: allowed, done, and said in words, well or not."""

from collections.abc import Callable

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from streamlit_app import auth, data
from streamlit_app.components import notices
from streamlit_app.data import app_settings, scheduler

_MESSAGES_KEY, _DIALOG_KEY = "said", "asked"
# What was read before a change must not be shown after it.
_CACHED_READS = (
    data.query_dashboard,
    data.query_instruments,
    app_settings.query_setting_changes,
    app_settings.query_runtime_settings,
    app_settings.query_symbols,
    scheduler.query_backfills,
    scheduler.query_fetch_intervals,
    scheduler.query_backfill_preview,
    scheduler.query_automation,
)


def run_action(do: Callable[[str], str]) -> None:
    """Calls `do` with the viewer's name for the change log; it answers what has been done.

    Then the page is read anew, and any dialog closes. What goes wrong is said where it was asked.
    """
    try:
        auth.require_write_access()
        said = do(auth.get_viewer_name())
    except CryptoAssetsError as error:
        st.error(notices.format_sentence(str(error)), icon=":material/error:")
        return
    for read in _CACHED_READS:
        read.clear()
    st.session_state.setdefault(_MESSAGES_KEY, []).append(said)
    st.rerun()


def render_feedback() -> None:
    """Says what has been done since the page was drawn last, and opens the dialog asked for."""
    for said in st.session_state.pop(_MESSAGES_KEY, []):
        st.toast(said, icon=":material/check_circle:", duration="long")
    if dialog := st.session_state.pop(_DIALOG_KEY, None):
        dialog()


def request_dialog(dialog: Callable[[], None]) -> None:
    """Opens a dialog from the page itself, whatever part of it asks.

    Opened inside a part that refreshes alone it would be that part's child: a press on its button
    that comes with the part's next refresh is then dropped by Streamlit.
    """
    st.session_state[_DIALOG_KEY] = dialog
    st.rerun()


def confirm_action(title: str, words: str, label: str, do: Callable[[str], str]) -> None:
    """Asks before it acts: a dialog with the words and one button that does it."""

    @st.dialog(title)
    def question() -> None:
        st.markdown(words)
        if st.button(label, type="primary", key="confirm"):
            run_action(do)

    request_dialog(question)
