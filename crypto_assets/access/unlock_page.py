"""The page that unlocks a browser, as HTML without scripts."""

from html import escape
from urllib.parse import urlencode

from crypto_assets.access.roles import Caller, Credential, Role

UNLOCK_PATH, LOCK_PATH = "/unlock", "/lock"

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; }
form { display: flex; gap: .5rem; margin: 1rem 0; }
input[type=password] { flex: 1; min-width: 0; font: inherit; padding: .45rem .6rem; }
button { font: inherit; padding: .45rem 1rem; cursor: pointer; }
.problem { color: light-dark(#a4161a, #ff9b94); font-weight: 600; }
.hint { color: light-dark(#555, #aaa); }
"""
_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}<title>{title} · crypto-assets</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}</main>
</body>
</html>
"""
_FORM = """\
<form method="post" action="{action}">
<input type="hidden" name="next" value="{next_path}">
<input type="password" name="token" aria-label="Token" placeholder="Token" required autofocus
 autocomplete="current-password">
<button>Unlock</button>
</form>
"""
_SIGN_IN = """\
<p><a href="{url}">Sign in</a> with your account, or use a token:</p>
"""
_LOCK_FORM = '<form method="post" action="{action}"><button>Lock</button></form>\n'
_HINT = """\
<p class="hint">On the machine that serves this page, <code>crypto-assets unlock</code> prints a \
link that unlocks a browser once.</p>
"""


def build_unlock_page(
    caller: Caller,
    next_path: str,
    problem: str = "",
    *,
    has_operator: bool = True,
    sign_in_url: str = "",
) -> str:
    """Build the page with the form for a token, and a button to lock an unlocked browser.

    `sign_in_url` is where a login by the provider begins, if there is one.
    """
    body = f"<p>{_describe_caller(caller)}</p>\n"
    if problem:
        body += f'<p class="problem" role="alert">{escape(problem)}</p>\n'
    if sign_in_url and not caller.name:
        body += _SIGN_IN.format(url=escape(sign_in_url))
    if not caller.is_operator:
        body += _FORM.format(action=UNLOCK_PATH, next_path=escape(next_path))
        body += _HINT if has_operator else ""
    else:
        body += f'<p><a href="{escape(next_path)}">Continue</a></p>\n'
    if caller.credential is Credential.COOKIE:
        body += _LOCK_FORM.format(action=LOCK_PATH)
    title = "Unlocked" if caller.is_operator else "Unlock"
    return _DOCUMENT.format(head="", title=title, style=_STYLE, body=body)


def build_refresh_page(path: str) -> str:
    """Build a page that goes on to the unlock page.

    A browser that follows a link from another site sends no session cookie, nor for redirects; it
    does for an address that a page of this server opens.
    """
    target = f"{UNLOCK_PATH}?{urlencode({'next': path, 'reading': 1})}"
    return _build_refresh(target, "Locked", "To read, unlock this browser")


def build_forward_page(address: str) -> str:
    """Build a page that goes on to an address after a login."""
    return _build_refresh(address, "Signed in", "Continue")


def _build_refresh(address: str, title: str, label: str) -> str:
    target = escape(address)
    return _DOCUMENT.format(
        head=f'<meta http-equiv="refresh" content="0; url={target}">\n',
        title=title,
        style=_STYLE,
        body=f'<p><a href="{target}">{label}</a></p>\n',
    )


def _describe_caller(caller: Caller) -> str:
    name = f" as {escape(caller.name)}" if caller.name else ""
    if caller.role == Role.OPERATOR:
        return f"This browser may change things{name}."
    if caller.role == Role.VIEWER:
        return f"This browser may read{name}. To make changes, enter the operator token."
    return "To read, enter the viewer token or the operator token."
