"""HTTP requests to other programs: which proxy and certificates apply, and what failed.

The environment's proxy variables apply as `requests` reads them, with one exception: a request to
this machine itself never goes through a proxy, whatever `no_proxy` says.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.exceptions import InvalidSchema, InvalidURL
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationValueError, ProxyError

from crypto_assets.addresses import redact_address, remove_logins
from crypto_assets.errors import WrongUse
from crypto_assets.loopback import is_loopback

# What a request may raise. `requests` does not wrap a host's name that cannot be one.
REQUEST_ERRORS = (requests.RequestException, LocationValueError)

PROXY_LOGIN_REQUIRED = 407

# How a proxy's address is wrong; their own texts may show a part of its password. InvalidSchema is
# SOCKS, for which `requests` lacks a package.
_MALFORMED_ADDRESS_ERRORS = (InvalidURL, InvalidSchema, LocationValueError)
# In the order in which `requests` looks for the file of certificates.
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_UNKNOWN_SOURCE = "the system"


def find_proxies(url: str) -> dict[str, str]:
    """Return the environment's proxies by scheme for requests to `url`; none for loopback."""
    return {} if is_loopback(_parse_host(url)) else get_environ_proxies(url)


class _DirectSession(requests.Session):
    """Follows no redirect, and reads no Location: `requests` fails on one that is no address."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def open_session(url: str, *, follow_redirects: bool = True) -> requests.Session:
    """Open a session for requests under `url`, whose proxies and certificates are decided once.

    Without `follow_redirects` an answer that redirects is returned as it is. Raises WrongUse where
    the environment names a file of certificates that does not exist, or a proxy by an address that
    cannot be read.
    """
    session = requests.Session() if follow_redirects else _DirectSession()
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = find_proxies(url), found["verify"]
    # `requests` would search the environment again at each request.
    session.trust_env = False
    require_readable_proxy(url)
    if urlsplit(url).scheme == "https":
        _require_certificates(session.verify)
    return session


def require_readable_proxy(url: str) -> None:
    """Raise WrongUse where the proxy on the way to `url` has an address that cannot be read."""
    proxy = select_proxy(url, find_proxies(url)) or ""
    try:
        urlsplit(proxy)
    except ValueError:
        raise WrongUse(
            f"{_name_proxy(proxy, url)} has a malformed address: {_suggest_fix(url)}"
        ) from None


def describe_proxy_failure(url: str, error: BaseException) -> str | None:
    """Return what is wrong with the proxy on the way to `url`, and what to do about it.

    None where there is no proxy, or another part failed. `url` must be sound; `error` is one of
    `requests`, or of botocore: raise the description `from None`, since the error's own text may
    hold the proxy's password, and Dagster stores what led to an error.
    """
    proxy = select_proxy(url, find_proxies(url))
    kinds = (ProxyError, *_MALFORMED_ADDRESS_ERRORS)
    if not proxy or not any(isinstance(cause, kinds) for cause in find_causes(error)):
        return None
    return f"{_name_proxy(proxy, url)} does not work ({describe_cause(error)}): {_suggest_fix(url)}"


def describe_proxy_login(url: str) -> str:
    """Return what to do about an answer of HTTP 407 (PROXY_LOGIN_WANTED)."""
    proxy = _name_proxy(select_proxy(url, find_proxies(url)) or "", url)
    return f"{proxy} wants a login (http://user:password@host:port): set it, or {_suggest_fix(url)}"


def describe_cause(error: BaseException) -> str:
    """Return the innermost cause in few words, without logins: libraries wrap it several times."""
    causes = find_causes(error)
    if any(isinstance(cause, _MALFORMED_ADDRESS_ERRORS) for cause in causes):
        return "its address is malformed or of an unknown kind"
    said = causes[-1].strerror if isinstance(causes[-1], OSError) else None
    return remove_logins(said or str(causes[-1]))


def find_causes(error: BaseException) -> list[BaseException]:
    """Return an error and what led to it, the innermost last."""
    found = [error]
    while inner := found[-1].__cause__ or found[-1].__context__:
        found.append(inner)
    return found


def _name_proxy(proxy: str, url: str) -> str:
    """The proxy without its login, and the variable that sets it, as the environment writes it."""
    for wanted in (f"{urlsplit(url).scheme}_proxy", "all_proxy"):
        names = [name for name, value in os.environ.items() if name.lower() == wanted and value]
        if names:
            # Of two spellings the one in lower case counts, which sorts last.
            return f"the proxy {redact_address(proxy)} set by {max(names)}"
    return f"the proxy {redact_address(proxy)} set by {_UNKNOWN_SOURCE}"


def _suggest_fix(url: str) -> str:
    return f"unset it, or add {_parse_host(url)} to no_proxy"


def _require_certificates(verify: bool | str | None) -> None:
    if not isinstance(verify, str) or Path(verify).exists():
        return
    names = (name for name in _CERTIFICATE_VARIABLES if os.environ.get(name) == verify)
    raise WrongUse(
        f"{next(names, _UNKNOWN_SOURCE)} names {verify}, which does not exist: "
        "unset it, or name a file of certificates"
    )


def _parse_host(url: str) -> str:
    return urlsplit(url).hostname or ""
