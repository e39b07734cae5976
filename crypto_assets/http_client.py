"""HTTP requests to other programs: limits, proxies, certificates, and descriptions of failures.

Every response is limited in size and in time, and no redirect is followed. The environment's proxy
variables apply as in `requests`, with one exception: a request to this machine never uses a proxy,
whatever `no_proxy` contains.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from requests.exceptions import InvalidSchema, InvalidURL
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, LocationValueError, ProxyError

from crypto_assets.addresses import redact_address, remove_logins
from crypto_assets.errors import WrongUse
from crypto_assets.http_limits import (
    DataCallback,
    LimitedAdapter,
    PeerCheck,
    ResponseLimitExceeded,
    limit_response,
)
from crypto_assets.installation import VERSION
from crypto_assets.loopback import is_loopback

# What a request may raise; `requests` does not wrap all errors of urllib3.
REQUEST_ERRORS = (requests.RequestException, HTTPError)

PROXY_LOGIN_REQUIRED = 407
_USER_AGENT = f"crypto-assets/{VERSION}"

# Raised for an invalid proxy address; their messages may contain a part of its password.
# InvalidSchema is raised for SOCKS, for which `requests` needs another package.
_MALFORMED_ADDRESS_ERRORS = (InvalidURL, InvalidSchema, LocationValueError)
# In the order in which `requests` looks for the CA file.
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_UNKNOWN_SOURCE = "the system"


@dataclass(frozen=True)
class RequestTimeouts:
    """Seconds to wait: for a connection, for the next bytes, and for the whole response."""

    connect: float
    read: float
    total: float


@dataclass(frozen=True)
class HttpResponse:
    """A complete response; `url` is that of the request, `headers` are case-insensitive."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    def parse_json(self) -> Any:
        """Parse the body, whose depth and numbers orjson limits. Raises ValueError."""
        return orjson.loads(self.body)


def find_proxies(url: str) -> dict[str, str]:
    """Return the environment's proxies by scheme for requests to `url`; none for loopback."""
    return {} if is_loopback(_parse_host(url)) else get_environ_proxies(url)


def uses_proxy(url: str) -> bool:
    """Whether the environment sets a proxy for requests to `url`."""
    return bool(select_proxy(url, find_proxies(url)))


class _DirectSession(requests.Session):
    """Ignores redirects, since `requests` fails on an invalid Location even if it follows none."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def open_session(url: str, connections: int = 10) -> requests.Session:
    """Open a session for `send_request` under `url`; reads proxies and CA file once.

    It keeps up to `connections` open. Raises WrongUse if the environment's CA file does not exist,
    or its proxy address is invalid.
    """
    session = _DirectSession()
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify = find_proxies(url), environment["verify"]
    # `requests` would read the environment again for each request.
    session.trust_env = False
    session.headers["User-Agent"] = _USER_AGENT
    for scheme in ("http://", "https://"):
        session.mount(scheme, LimitedAdapter(pool_maxsize=connections))
    require_readable_proxy(url)
    if urlsplit(url).scheme == "https":
        _require_certificates(session.verify)
    return session


def send_request(
    session: requests.Session,
    method: str,
    url: str,
    *,
    timeouts: RequestTimeouts,
    max_bytes: int,
    params: Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    check_peer: PeerCheck | None = None,
    on_data: DataCallback | None = None,
) -> HttpResponse:
    """Send a request and return its response; a redirect is returned, not followed.

    `max_bytes` limits the decoded body. `check_peer` may refuse the server's address before
    anything is sent. `on_data` is called each time that a part of the response has arrived. Raises
    REQUEST_ERRORS, ResponseLimitExceeded among them.
    """
    timeout = Timeout(connect=timeouts.connect, read=timeouts.read, total=timeouts.total)
    try:
        with (
            limit_response(timeouts.total, max_bytes, check_peer, on_data),
            session.request(
                method,
                url,
                params=params,
                headers=headers,
                json=json,
                # Its type hint lacks urllib3's Timeout, which it accepts.
                timeout=timeout,  # type: ignore[arg-type]
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            body = response.raw.read(max_bytes + 1, decode_content=True)
    except REQUEST_ERRORS as error:
        for cause in find_causes(error):
            if isinstance(cause, ResponseLimitExceeded):
                raise cause from None
        raise
    except ValueError as error:  # http.client raises it for some invalid chunk sizes
        raise requests.exceptions.ChunkedEncodingError(f"invalid response ({error})") from error
    if len(body) > max_bytes:
        raise ResponseLimitExceeded.for_size(max_bytes)
    return HttpResponse(str(response.url), response.status_code, response.headers, body)


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
