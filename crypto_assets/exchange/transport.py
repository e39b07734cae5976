"""HTTP to the exchange: one pooled session, what is worth asking again, and when."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from crypto_assets.addresses import (
    build_escaping_hint,
    decode_address,
    is_web_address,
    redact_address,
)
from crypto_assets.errors import (
    ExchangeBanned,
    ExchangeForbidden,
    ExchangeUnavailable,
    RateLimited,
    TransientError,
    WrongUse,
)
from crypto_assets.exchange.error_translation import refusal
from crypto_assets.exchange.quota import Allowance
from crypto_assets.exchange.response import Answer
from crypto_assets.http_client import (
    PROXY_LOGIN_REQUIRED,
    REQUEST_ERRORS,
    describe_cause,
    describe_proxy_failure,
    describe_proxy_login,
    open_session,
)

T = TypeVar("T")

_CONNECTIONS = 32


@dataclass(frozen=True)
class Patience:
    """How long to go on asking, in seconds.

    Between two attempts lies a random time of at most `first_wait`, doubled each time up to
    `longest_wait`; a 429 is waited out as the exchange says, unless that is over `longest_pause`.
    A request waits for its turn while the weight is spent, but not over `longest_turn`.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 8.0
    longest_pause: float = 180.0
    longest_turn: float = math.inf
    connect_timeout: float = 5.0
    read_timeout: float = 20.0


@dataclass(frozen=True)
class Inquiry:
    """A GET request: path under the base URL, query, request weight, statuses to read."""

    path: str
    query: Mapping[str, str | int]
    weight: int = 0
    statuses: Collection[int] = (200,)


class Transport:
    """GET requests under one base URL, safe for many threads.

    `allowance` is that of a server that counts weight; None of one that does not. `host` is the
    host that is connected to, with its port where that is not the scheme's own.
    """

    def __init__(
        self, base_url: str, patience: Patience | None = None, allowance: Allowance | None = None
    ) -> None:
        self._address = _checked_url(base_url)
        self.base_url = redact_address(self._address)
        self.host = find_host(self._address)
        self.allowance = allowance
        self._patience = patience or Patience()
        self._timeout = (self._patience.connect_timeout, self._patience.read_timeout)
        self._backoff = wait_random_exponential(
            multiplier=self._patience.first_wait, max=self._patience.longest_wait
        )
        # Another server's answers would pass for this one's.
        self._session = open_session(self._address, follow_redirects=False)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def get(self, inquiry: Inquiry, read: Callable[[Answer], T]) -> T:
        """What `read` makes of the answer; where it raises a Transient error, asked again.

        Raises ExchangeUnavailable or RateLimited when patience is spent, and at once Banned,
        Forbidden and RequestRejected.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=self._wait,
            stop=self._is_enough,
            reraise=True,
        )
        found: T = retrying(self._once, inquiry, read)
        return found

    def _once(self, inquiry: Inquiry, read: Callable[[Answer], T]) -> T:
        allowance = self.allowance
        answer = self._weighed(allowance, inquiry) if allowance else self._send(inquiry)
        if answer.status in inquiry.statuses:
            return read(answer)
        error = refusal(answer)
        if allowance and isinstance(error, ExchangeBanned):
            allowance.forbid(error)
        if allowance and isinstance(error, RateLimited):
            allowance.weight.pause(error.retry_after)
        raise error

    def _weighed(self, allowance: Allowance, inquiry: Inquiry) -> Answer:
        """Sends within the allowance, and keeps what the answer says of it."""
        allowance.demand()
        ticket = allowance.weight.reserve(inquiry.weight, self._patience.longest_turn)
        used = minute_left = None
        try:
            allowance.demand()  # another thread may have been banned while this one waited
            answer = self._send(inquiry)
            used, minute_left = answer.used_weight, answer.minute_left
            return answer
        finally:
            allowance.weight.settle(ticket, used, minute_left)

    def _send(self, inquiry: Inquiry) -> Answer:
        try:
            response = self._session.get(
                self._address + inquiry.path, params=inquiry.query, timeout=self._timeout
            )
        except REQUEST_ERRORS as error:
            asked = f"{self.base_url}{inquiry.path}"
            if said := describe_proxy_failure(self._address, error):
                raise ExchangeUnavailable(f"{asked} cannot be asked: {said}") from None
            raise ExchangeUnavailable(
                f"{asked} does not answer ({describe_cause(error)}): "
                "is the network up and the exchange's address right?"
            ) from error
        url = decode_address(redact_address(response.url))
        if response.status_code == PROXY_LOGIN_REQUIRED:
            raise ExchangeForbidden(f"{url} cannot be asked: {describe_proxy_login(self._address)}")
        return Answer(url, response.status_code, response.headers, response.content)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return error.retry_after if isinstance(error, RateLimited) else self._backoff(state)

    def _is_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.retry_after > self._patience.longest_pause:
            return True
        return state.attempt_number >= self._patience.attempts


def _checked_url(url: str) -> str:
    """The URL without a slash at its end. Raises WrongUse where no request can be made to it."""
    try:
        usable = is_web_address(url) and bool(find_host(url))
    except REQUEST_ERRORS:
        usable = False
    if not usable:
        raise WrongUse(
            f"{redact_address(url)!r} is no address of an exchange: it begins with https:// or "
            "http:// and names a host, each part of which has 1 to 63 characters"
            f"{build_escaping_hint(url)}"
        )
    return url.rstrip("/")


def find_host(url: str) -> str:
    """The host of a URL as requests connects to it, whatever another reader makes of the URL."""
    parts = urlsplit(str(requests.Request("GET", url).prepare().url))
    name = (parts.hostname or "").removesuffix(".")
    name = f"[{name}]" if ":" in name else name
    own = {"http": 80, "https": 443}.get(parts.scheme)
    return name if parts.port in {None, own} else f"{name}:{parts.port}"
