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
from crypto_assets.exchange.error_translation import translate_error_response
from crypto_assets.exchange.quota import ExchangeQuota
from crypto_assets.exchange.response import ExchangeResponse
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
class RequestRetryPolicy:
    """How long to go on asking, in seconds.

    Between two attempts lies a random time of at most `first_wait`, doubled each time up to
    `longest_wait`; a 429 is waited out as the exchange says, unless that is over `longest_pause`.
    A request waits for its turn while the weight is spent, but not over `longest_turn`.
    """

    attempts: int = 6
    initial_delay: float = 0.5
    max_delay: float = 8.0
    max_retry_after: float = 180.0
    max_budget_wait: float = math.inf
    connect_timeout: float = 5.0
    read_timeout: float = 20.0


@dataclass(frozen=True)
class ExchangeRequest:
    """A GET request: path under the base URL, query, request weight, statuses to read."""

    path: str
    query: Mapping[str, str | int]
    weight: int = 0
    statuses: Collection[int] = (200,)


class ExchangeTransport:
    """GET requests under one base URL, safe for many threads.

    `allowance` is that of a server that counts weight; None of one that does not. `host` is the
    host that is connected to, with its port where that is not the scheme's own.
    """

    def __init__(
        self,
        base_url: str,
        patience: RequestRetryPolicy | None = None,
        allowance: ExchangeQuota | None = None,
    ) -> None:
        self._address = _validate_url(base_url)
        self.base_url = redact_address(self._address)
        self.host = find_host(self._address)
        self.quota = allowance
        self._patience = patience or RequestRetryPolicy()
        self._timeout = (self._patience.connect_timeout, self._patience.read_timeout)
        self._backoff = wait_random_exponential(
            multiplier=self._patience.initial_delay, max=self._patience.max_delay
        )
        # Another server's answers would pass for this one's.
        self._session = open_session(self._address, follow_redirects=False)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    def get(self, inquiry: ExchangeRequest, read: Callable[[ExchangeResponse], T]) -> T:
        """What `read` makes of the answer; where it raises a Transient error, asked again.

        Raises ExchangeUnavailable or RateLimited when patience is spent, and at once Banned,
        Forbidden and RequestRejected.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=self._compute_delay,
            stop=self._is_exhausted,
            reraise=True,
        )
        found: T = retrying(self._attempt_request, inquiry, read)
        return found

    def _attempt_request(
        self, inquiry: ExchangeRequest, read: Callable[[ExchangeResponse], T]
    ) -> T:
        allowance = self.quota
        answer = (
            self._send_within_quota(allowance, inquiry)
            if allowance
            else self._send_request(inquiry)
        )
        if answer.status in inquiry.statuses:
            return read(answer)
        error = translate_error_response(answer)
        if allowance and isinstance(error, ExchangeBanned):
            allowance.record_ban(error)
        if allowance and isinstance(error, RateLimited):
            allowance.weight_budget.pause_requests(error.retry_after)
        raise error

    def _send_within_quota(
        self, allowance: ExchangeQuota, inquiry: ExchangeRequest
    ) -> ExchangeResponse:
        """Sends within the allowance, and keeps what the answer says of it."""
        allowance.raise_if_banned()
        ticket = allowance.weight_budget.reserve_weight(
            inquiry.weight, self._patience.max_budget_wait
        )
        used = minute_left = None
        try:
            allowance.raise_if_banned()  # another thread may have been banned while this one waited
            answer = self._send_request(inquiry)
            used, minute_left = answer.used_weight, answer.minute_seconds_left
            return answer
        finally:
            allowance.weight_budget.settle_reservation(ticket, used, minute_left)

    def _send_request(self, inquiry: ExchangeRequest) -> ExchangeResponse:
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
        return ExchangeResponse(url, response.status_code, response.headers, response.content)

    def _compute_delay(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return error.retry_after if isinstance(error, RateLimited) else self._backoff(state)

    def _is_exhausted(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.retry_after > self._patience.max_retry_after:
            return True
        return state.attempt_number >= self._patience.attempts


def _validate_url(url: str) -> str:
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
