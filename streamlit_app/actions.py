"""Changes that a viewer asks for: allowed, done, and said in words, well or not."""

from collections.abc import Callable

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from streamlit_app import auth, data
from streamlit_app.components import notices
from streamlit_app.data import app_settings, scheduler

_SAID, _ASKED = "said", "asked"
# What was read before a change must not be shown after it.
_READS = (
    data.dashboard,
    data.instruments,
    app_settings.changes,
    app_settings.choices,
    app_settings.symbols,
    scheduler.backfills,
    scheduler.intervals,
    scheduler.planned,
    scheduler.running,
)


def act(do: Callable[[str], str]) -> None:
    """Calls `do` with the viewer's name for the change log; it answers what has been done.

    Then the page is read anew, and any dialog closes. What goes wrong is said where it was asked.
    """
    try:
        auth.require()
        said = do(auth.who())
    except CryptoAssetsError as error:
        st.error(notices.sentence(str(error)), icon=":material/error:")
        return
    for read in _READS:
        read.clear()
    st.session_state.setdefault(_SAID, []).append(said)
    st.rerun()


def tell() -> None:
    """Says what has been done since the page was drawn last, and opens the dialog asked for."""
    for said in st.session_state.pop(_SAID, []):
        st.toast(said, icon=":material/check_circle:", duration="long")
    if dialog := st.session_state.pop(_ASKED, None):
        dialog()


def ask(dialog: Callable[[], None]) -> None:
    """Opens a dialog from the page itself, whatever part of it asks.

    Opened inside a part that refreshes alone it would be that part's child: a press on its button
    that comes with the part's next refresh is then dropped by Streamlit.
    """
    st.session_state[_ASKED] = dialog
    st.rerun()


def confirm(title: str, words: str, label: str, do: Callable[[str], str]) -> None:
    """Asks before it acts: a dialog with the words and one button that does it."""

    @st.dialog(title)
    def question() -> None:
        st.markdown(words)
        if st.button(label, type="primary", key="confirm"):
            act(do)

    ask(question)
