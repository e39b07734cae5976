"""HTTP requests to other programs: proxies, certificates, and descriptions of failures.

The environment's proxy variables apply as in `requests`, with one exception: a request to this
machine never uses a proxy, whatever `no_proxy` contains.
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
from crypto_assets.installation import VERSION
from crypto_assets.loopback import is_loopback

# What a request may raise; `requests` does not wrap urllib3's error for an invalid host name.
REQUEST_ERRORS = (requests.RequestException, LocationValueError)

PROXY_LOGIN_REQUIRED = 407
_USER_AGENT = f"crypto-assets/{VERSION}"

# Raised for an invalid proxy address; their messages may contain a part of its password.
# InvalidSchema is raised for SOCKS, for which `requests` needs another package.
_MALFORMED_ADDRESS_ERRORS = (InvalidURL, InvalidSchema, LocationValueError)
# In the order in which `requests` looks for the CA file.
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_UNKNOWN_SOURCE = "the system"


def find_proxies(url: str) -> dict[str, str]:
    """Return the environment's proxies by scheme for requests to `url`; none for loopback."""
    return {} if is_loopback(_parse_host(url)) else get_environ_proxies(url)


class _DirectSession(requests.Session):
    """Ignores redirects, since `requests` fails on an invalid Location even if it follows none."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def open_session(url: str, *, follow_redirects: bool = True) -> requests.Session:
    """Open a session for requests under `url`; reads the environment's proxies and CA file once.

    Without `follow_redirects`, a redirect is returned as the response. Raises WrongUse if the
    environment's CA file does not exist, or its proxy address is invalid.
    """
    session = requests.Session() if follow_redirects else _DirectSession()
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = find_proxies(url), environment["verify"]
    # `requests` would read the environment again for each request.
    session.trust_env = False
    session.headers["User-Agent"] = _USER_AGENT
    require_readable_proxy(url)
    if urlsplit(url).scheme == "https":
        _require_certificates(session.verify)
    return session


def require_readable_proxy(url: str) -> None:
    """Raise WrongUse if the address of the proxy for `url` is malformed."""
    proxy = select_proxy(url, find_proxies(url)) or ""
    try:
        urlsplit(proxy)
    except ValueError:
        raise WrongUse(
            f"{_name_proxy(proxy, url)} has a malformed address: {_suggest_fix(url)}"
        ) from None


def describe_proxy_failure(url: str, error: BaseException) -> str | None:
    """Describe the failure of the proxy for `url` and its fix; None if the proxy did not fail.

    `url` must be valid; `error` comes from `requests` or botocore. Raise the description
    `from None`: the error's text may contain the proxy's password, and Dagster stores causes.
    """
    proxy = select_proxy(url, find_proxies(url))
    kinds = (ProxyError, *_MALFORMED_ADDRESS_ERRORS)
    if not proxy or not any(isinstance(cause, kinds) for cause in find_causes(error)):
        return None
    return f"{_name_proxy(proxy, url)} does not work ({describe_cause(error)}): {_suggest_fix(url)}"


def describe_proxy_login(url: str) -> str:
    """Describe the fix for a response of HTTP 407 (`PROXY_LOGIN_REQUIRED`)."""
    proxy = _name_proxy(select_proxy(url, find_proxies(url)) or "", url)
    return (
        f"{proxy} requires a login (http://user:password@host:port): set it, or {_suggest_fix(url)}"
    )


def describe_cause(error: BaseException) -> str:
    """Describe the innermost cause of an error briefly, without logins."""
    causes = find_causes(error)
    if any(isinstance(cause, _MALFORMED_ADDRESS_ERRORS) for cause in causes):
        return "its address is malformed or has an unsupported scheme"
    reason = causes[-1].strerror if isinstance(causes[-1], OSError) else None
    return remove_logins(reason or str(causes[-1]))


def find_causes(error: BaseException) -> list[BaseException]:
    """Return an error and its chain of causes, the innermost last."""
    causes = [error]
    while inner := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(inner)
    return causes


def _name_proxy(proxy: str, url: str) -> str:
    """Return the proxy's address without its login, and the environment variable that sets it."""
    shown = f"the proxy {redact_address(proxy)}" if proxy else "the proxy"
    for variable in (f"{urlsplit(url).scheme}_proxy", "all_proxy"):
        names = [name for name, value in os.environ.items() if name.lower() == variable and value]
        if names:
            # The lower-case spelling takes precedence, and sorts last.
            return f"{shown} set by {max(names)}"
    return f"{shown} set by {_UNKNOWN_SOURCE}"


def _suggest_fix(url: str) -> str:
    return f"unset it, or add {_parse_host(url)} to no_proxy"


def _require_certificates(verify: bool | str | None) -> None:
    if not isinstance(verify, str) or Path(verify).exists():
        return
    names = (name for name in _CERTIFICATE_VARIABLES if os.environ.get(name) == verify)
    raise WrongUse(
        f"{next(names, _UNKNOWN_SOURCE)} is {verify}, which does not exist: "
        "unset it, or set it to a file of CA certificates"
    )


def _parse_host(url: str) -> str:
    return urlsplit(url).hostname or ""
