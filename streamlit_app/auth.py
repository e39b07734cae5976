"""Write access: with the token, or from this machine if no token is set.

The HTTP API has the same rule; reading is open to everyone who can reach the app. Disabled buttons
are only a hint: `require_write_access` runs before each change.
"""

import secrets

import streamlit as st

from crypto_assets.errors import WrongUse
from crypto_assets.loopback import RequestOrigin, list_nonlocal_reasons
from crypto_assets.settings import get_settings
from streamlit_app.components import notices

_UNLOCKED_KEY = "changes_unlocked"
_INPUT_KEY = "token"


def render_write_gate() -> bool:
    """Return whether this viewer may change things; if not, show how to get write access."""
    reason = _find_refusal()
    if reason and get_settings().operator_token:
        _render_token_form()
    elif reason:
        st.info(
            f"**Read-only:** {reason}. To make changes, open the app on its own machine at its "
            "loopback address, or set CRYPTO_API_TOKEN there and enter the token here.",
            icon=":material/lock:",
        )
    return reason is None


def require_write_access() -> None:
    """Check that this viewer may change things. Raises WrongUse if not."""
    if reason := _find_refusal():
        raise WrongUse(f"changes are not allowed: {reason}")


def get_viewer_name() -> str:
    """Return the viewer's name for the change log."""
    name = st.user.get("email")
    return f"{name} in the app" if name else "the app"


def _find_refusal() -> str | None:
    """Return why this viewer may not change things, None if allowed."""
    if get_settings().operator_token:
        return (
            None
            if st.session_state.get(_UNLOCKED_KEY)
            else "the token of CRYPTO_API_TOKEN is required"
        )
    headers = {name.lower(): value for name, value in st.context.headers.items()}
    origin = RequestOrigin(
        bound_to=st.get_option("server.address") or "every address",
        # Streamlit reports this machine as None.
        client=st.context.ip_address or "127.0.0.1",
        scheme=(st.context.url or "").partition(":")[0],
        headers=headers,
    )
    return next(list_nonlocal_reasons(origin, "app"), None)


def _render_token_form() -> None:
    with (
        st.form("unlock", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(
            "To make changes, enter the token of CRYPTO_API_TOKEN",
            type="password",
            key=_INPUT_KEY,
            width=420,
        )
        submitted = st.form_submit_button(
            "Unlock", icon=":material/lock_open:", on_click=_unlock_changes
        )
    if submitted:
        st.error(notices.format_sentence("the token is wrong"), icon=":material/lock:")


def _unlock_changes() -> None:
    entered, token = st.session_state[_INPUT_KEY], get_settings().operator_token
    # Compare in constant time, so that the duration does not reveal the token.
    if token and secrets.compare_digest(entered.encode(), token.get_secret_value().encode()):
        st.session_state[_UNLOCKED_KEY] = True
