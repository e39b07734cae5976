"""Who the viewer is, and what the viewer may do: the rule of `crypto_assets.access`.

The browser's session cookie arrives with the connection of the page. Disabled buttons are only a
hint: `require_write_access` runs before each change.
"""

from html import escape
from urllib.parse import urlencode, urlsplit

import streamlit as st

from crypto_assets.access import (
    LOCK_PATH,
    SESSION_COOKIE,
    UNLOCK_PATH,
    AccessControl,
    Caller,
    Credential,
    open_access_control,
)
from crypto_assets.errors import WrongUse
from crypto_assets.settings import get_settings
from crypto_assets.shown_command import format_command
from crypto_assets.warehouse.catalog.app_settings import Author

_LOCK_FORM = """
<form class="session" method="post" action="{action}">
<span>{label}</span><button type="submit">Lock</button>
</form>
"""
_UNLOCK_LINK = """
<div class="session"><span>Read-only</span><a href="{target}">Unlock</a></div>
"""


@st.cache_resource(show_spinner=False)
def get_access_control() -> AccessControl:
    return open_access_control(get_settings())


def find_caller() -> Caller:
    """Return who looks at the page."""
    return get_access_control().find_session(_read_session_cookie(), _read_client_address())


def _read_session_cookie() -> str:
    return st.context.cookies.get(SESSION_COOKIE, "")


def _read_client_address() -> str:
    # Streamlit reports this machine as None.
    return st.context.ip_address or "127.0.0.1"


def render_write_gate() -> bool:
    """Return whether this viewer may change things; if not, show how to get write access."""
    if find_caller().is_operator:
        return True
    if get_access_control().can_unlock:
        st.info(
            "**Read-only.** To make changes, choose *Unlock* above and enter the operator token, "
            f"or open the link that `{_format_unlock_command()}` prints on the machine of the app.",
            icon=":material/lock:",
        )
    else:
        st.info(
            "**Read-only.** This installation has no operator token: run `crypto-assets init`, or "
            "set `CRYPTO_OPERATOR_TOKEN`, and restart the app.",
            icon=":material/lock:",
        )
    return False


def _format_unlock_command() -> str:
    settings = get_settings()
    url = settings.app_link_url
    options = () if url == type(settings).model_fields["app_link_url"].default else ("--url", url)
    return format_command("unlock", *options, fields=("home",))


def require_write_access() -> None:
    """Check that this viewer may change things. Raises WrongUse if not."""
    if not find_caller().is_operator:
        raise WrongUse("changes are not allowed: unlock the app first")


def get_viewer() -> Author:
    """Return the viewer for the change log."""
    caller = find_caller()
    return Author(f"{caller.name} in the app" if caller.name else "the app", caller.address)


def render_session() -> None:
    """Draw the viewer's name and role, with a link that unlocks or a button that locks."""
    caller = find_caller()
    if caller.credential is Credential.COOKIE:
        label = escape(caller.name) or caller.role.name.capitalize()
        st.html(_LOCK_FORM.format(label=label, action=LOCK_PATH))
    elif get_access_control().can_unlock:
        page = urlsplit(st.context.url or "/")
        path = f"{page.path}?{page.query}" if page.query else page.path
        target = escape(f"{UNLOCK_PATH}?{urlencode({'next': path or '/'})}")
        st.html(_UNLOCK_LINK.format(target=target))
