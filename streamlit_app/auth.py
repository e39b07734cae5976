"""Who may change something: the bearer of the token or, where none is set, this machine alone.

It is the HTTP API's rule: looking is open to whoever reaches the app. A button that is drawn
disabled is a courtesy; what counts is `require`, before each change.
"""

import secrets

import streamlit as st

from crypto_assets.errors import WrongUse
from crypto_assets.loopback import RequestOrigin, list_nonlocal_reasons
from crypto_assets.settings import get_settings
from streamlit_app.components import notices

_UNLOCKED_KEY = "changes_unlocked"
_SESSION_KEY = "token"


def render_write_gate() -> bool:
    """Whether this viewer may change things; where not, it is said how one may."""
    reason = _find_objection()
    if reason and get_settings().api_token:
        _render_token_form()
    elif reason:
        st.info(
            f"**Here you may look and change nothing:** {reason}. Open the app on its own machine, "
            "by its loopback address, or set CRYPTO_API_TOKEN there and give the token here.",
            icon=":material/lock:",
        )
    return reason is None


def require_write_access() -> None:
    """Raises WrongUse where this viewer may not change anything."""
    if reason := _find_objection():
        raise WrongUse(f"changing is refused: {reason}")


def get_viewer_name() -> str:
    """As the change log names this viewer."""
    name = st.user.get("email")
    return f"{name} in the app" if name else "the app"


def _find_objection() -> str | None:
    if get_settings().api_token:
        return (
            None
            if st.session_state.get(_UNLOCKED_KEY)
            else "it takes the token of CRYPTO_API_TOKEN"
        )
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    asked = RequestOrigin(
        bound_to=st.get_option("server.address") or "every address",
        # Streamlit's word for this machine is None.
        client=st.context.ip_address or "127.0.0.1",
        scheme=(st.context.url or "").partition(":")[0],
        headers=headers,
    )
    return next(list_nonlocal_reasons(asked, "app"), None)


def _render_token_form() -> None:
    with (
        st.form("unlock", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(
            "To change something, give the token of CRYPTO_API_TOKEN",
            type="password",
            key=_SESSION_KEY,
            width=420,
        )
        asked = st.form_submit_button(
            "Unlock", icon=":material/lock_open:", on_click=_unlock_changes
        )
    if asked:
        st.error(notices.format_sentence("the token is wrong"), icon=":material/lock:")


def _unlock_changes() -> None:
    given, token = st.session_state[_SESSION_KEY], get_settings().api_token
    # In time that tells nothing about how much of it is right.
    if token and secrets.compare_digest(given.encode(), token.get_secret_value().encode()):
        st.session_state[_UNLOCKED_KEY] = True
