"""HTTP GET requests to the exchange: a pooled session, retries and the request quota."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore, Thread
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
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
from crypto_assets.exchange.response import MAX_JSON_BYTES, ExchangeResponse
from crypto_assets.exchange.server_clock import ServerClock
from crypto_assets.exchange.usage_meter import usage_meter
from crypto_assets.http_client import (
    PROXY_LOGIN_REQUIRED,
    REQUEST_ERRORS,
    RequestTimeouts,
    describe_cause,
    describe_proxy_failure,
    describe_proxy_login,
    open_session,
    send_request,
)
from crypto_assets.http_limits import ResponseLimitExceeded
from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets.service_waiter import ServiceWaiter, get_exchange_allowance
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames
from crypto_assets.steady_clock import read_steady_clock

T = TypeVar("T")

_CONNECTIONS = 32
_MIN_TIMEOUT = 0.05
# How many attempts fail before the log of a run says so.
_REPORTED_ATTEMPTS = 3
# Threads of an exchange that send requests with a deadline. One whose look-up hangs ends with the
# look-up; it must keep neither another exchange nor the end of the process waiting.
_MAX_SENDERS = 8


@dataclass(frozen=True)
class RequestRetryPolicy:
    """How often to retry a request, and how long to wait, in seconds.

    The delay between two attempts is random, at most `initial_delay`, doubled each time up to
    `max_delay`. After a 429 it is the exchange's Retry-After; over `max_retry_after` the request
    fails instead. A request waits at most `max_budget_wait` for request weight.

    `read_timeout` is how long to wait for the next bytes, `total_timeout` for a whole response.
    """

    attempts: int = 6
    initial_delay: float = 0.5
    max_delay: float = 8.0
    max_retry_after: float = 180.0
    max_budget_wait: float = math.inf
    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    total_timeout: float = 60.0


@dataclass(frozen=True)
class ExchangeRequest:
    """A GET request: path under the base URL, query, request weight, statuses to read.

    `max_bytes` limits the decoded body of the response.
    """

    path: str
    query: Mapping[str, str | int]
    weight: int = 0
    statuses: Collection[int] = (200,)
    max_bytes: int = MAX_JSON_BYTES


@dataclass
class _OutageLimit:
    """How long a request may do without a response, whatever its retry policy allows.

    Counts attempts that fail and the delays after them, but no waiting for the rate limit.
    """

    seconds: float
    max_budget_wait: float

    @property
    def is_reached(self) -> bool:
        return self.seconds <= _MIN_TIMEOUT

    def shorten_timeouts(self, timeouts: RequestTimeouts) -> RequestTimeouts:
        """Return timeouts that end at the limit; a response that has begun may take longer."""
        left = max(_MIN_TIMEOUT, self.seconds)
        return RequestTimeouts(
            min(timeouts.connect, left), min(timeouts.read, left), min(timeouts.total, 2 * left)
        )

    @contextmanager
    def charge_failures(self) -> Iterator[None]:
        """Subtract the time of a block that fails."""
        started = time.monotonic()
        try:
            yield
        except (*REQUEST_ERRORS, ExchangeUnavailable):
            self.seconds -= time.monotonic() - started
            raise

    def charge_delay(self, seconds: float) -> float:
        """Subtract a delay, and return as much of it as the limit allows."""
        delay = min(seconds, max(0.0, self.seconds))
        self.seconds -= delay
        return delay


class ExchangeTransport:
    """GET requests under one base URL. Safe for many threads.

    `quota` is None for a server that counts no weight. `waiter` repeats all attempts of a request
    during an outage. `host` is the host of the connection, with
    its port where that is not the default of the scheme.
    """

    def __init__(
        self,
        base_url: str,
        retry_policy: RequestRetryPolicy | None = None,
        quota: ExchangeQuota | None = None,
        waiter: ServiceWaiter | None = None,
        names: SettingNames = DEFAULT_NAMES,
    ) -> None:
        self._waiter = waiter or ServiceWaiter()
        self._names = names
        self._address = _validate_url(base_url)
        self.base_url = redact_address(self._address)
        self.host = find_host(self._address)
        self.quota = quota
        self.server_clock = ServerClock()
        self._retry_policy = retry_policy or RequestRetryPolicy()
        self._timeouts = RequestTimeouts(
            self._retry_policy.connect_timeout,
            self._retry_policy.read_timeout,
            self._retry_policy.total_timeout,
        )
        self._backoff = wait_random_exponential(
            multiplier=self._retry_policy.initial_delay, max=self._retry_policy.max_delay
        )
        self._session = open_session(self._address, _CONNECTIONS)
        self._free_senders = BoundedSemaphore(_MAX_SENDERS)

    def get(self, request: ExchangeRequest, read: Callable[[ExchangeResponse], T]) -> T:
        """Send the request and return what `read` makes of the response.

        Retries after a TransientError of the request or of `read`. Raises ExchangeUnavailable or
        RateLimited after the last attempt, and at once ExchangeBanned, ExchangeForbidden and
        RequestRejected.
        """
        if allowance := get_exchange_allowance():
            with allowance.charge_failures():
                return self._get_within(allowance.seconds, request, read)
        return self._waiter.run(
            self.base_url,
            lambda: self._get_with_retries(
                request, read, self._build_limit(self._waiter.exchange_seconds)
            ),
            is_exchange=True,
        )

    def _get_within(
        self, seconds: float, request: ExchangeRequest, read: Callable[[ExchangeResponse], T]
    ) -> T:
        """Send the request from another thread, since the look-up of a host has no timeout."""
        if seconds <= 0:
            raise ExchangeUnavailable(f"{self.base_url} does not respond to an earlier request")
        limit = self._build_limit(seconds, seconds)
        started = time.monotonic()
        try:
            sending = self._start_sending(
                seconds, lambda: self._get_with_retries(request, read, limit)
            )
            return sending.result(max(0.0, started + seconds - time.monotonic()))
        except FutureTimeoutError:
            raise ExchangeUnavailable(
                f"{self.base_url}{request.path} does not respond within {max(1.0, seconds):.0f} s: "
                "check the network and the exchange's address"
            ) from None

    def _start_sending(self, seconds: float, send: Callable[[], T]) -> Future[T]:
        """Call a function in a thread. Raises TimeoutError if none gets free within `seconds`."""
        if not self._free_senders.acquire(timeout=seconds):
            raise FutureTimeoutError
        sending: Future[T] = Future()

        def run() -> None:
            with ExitStack() as ending:
                ending.callback(self._free_senders.release)
                ending.push(partial(_pass_error_on, sending))
                sending.set_result(send())

        Thread(target=run, name="exchange", daemon=True).start()
        return sending

    def _get_with_retries(
        self,
        request: ExchangeRequest,
        read: Callable[[ExchangeResponse], T],
        limit: _OutageLimit,
    ) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=lambda state: self._compute_delay(state, limit),
            stop=lambda state: limit.is_reached or self._is_exhausted(state),
            before_sleep=self._report_failures,
            reraise=True,
        )
        result: T = retrying(self._attempt_request, request, read, limit)
        return result

    def _attempt_request(
        self,
        request: ExchangeRequest,
        read: Callable[[ExchangeResponse], T],
        limit: _OutageLimit,
    ) -> T:
        quota = self.quota
        response = (
            self._send_within_quota(quota, request, limit)
            if quota
            else self._send_request(request, limit)
        )
        if response.status in request.statuses:
            return read(response)
        error = translate_error_response(response, self._names)
        if quota and isinstance(error, ExchangeBanned):
            usage_meter.add_usage(ExchangeUsage(bans=1))
            quota.record_ban(error)
        if quota and isinstance(error, RateLimited):
            usage_meter.add_usage(ExchangeUsage(rate_limits=1))
            quota.weight_budget.pause_requests(error.retry_after)
        raise error

    def _send_within_quota(
        self, quota: ExchangeQuota, request: ExchangeRequest, limit: _OutageLimit
    ) -> ExchangeResponse:
        """Send the request when the quota allows it, and record the used weight."""
        quota.raise_if_banned()
        started = time.monotonic()
        with limit.charge_failures():
            reservation = quota.weight_budget.reserve_weight(request.weight, limit.max_budget_wait)
        waited = time.monotonic() - started
        used = minute_left = None
        try:
            quota.raise_if_banned()  # a request of another thread may have caused a ban meanwhile
            usage_meter.add_usage(ExchangeUsage(1, request.weight, wait_seconds=waited))
            response = self._send_request(request, limit)
            used, minute_left = response.used_weight, response.minute_seconds_left
            return response
        finally:
            quota.weight_budget.settle_reservation(reservation, used, minute_left)

    def _send_request(self, request: ExchangeRequest, limit: _OutageLimit) -> ExchangeResponse:
        sent_at = read_steady_clock()
        try:
            with limit.charge_failures(), self._waiter.watch_exchange(self.base_url) as on_data:
                response = send_request(
                    self._session,
                    "GET",
                    self._address + request.path,
                    params=request.query,
                    timeouts=limit.shorten_timeouts(self._timeouts),
                    max_bytes=request.max_bytes,
                    on_data=on_data,
                )
        except ResponseLimitExceeded as error:
            raise ExchangeUnavailable(
                f"{self.base_url}{request.path} is not read further, since {error}: "
                "check the exchange's address"
            ) from None
        except REQUEST_ERRORS as error:
            url = f"{self.base_url}{request.path}"
            if failure := describe_proxy_failure(self._address, error):
                raise ExchangeUnavailable(f"{url} cannot be reached: {failure}") from None
            raise ExchangeUnavailable(
                f"{url} does not respond ({describe_cause(error)}): "
                "check the network and the exchange's address"
            ) from error
        url = decode_address(redact_address(response.url))
        if response.status == PROXY_LOGIN_REQUIRED:
            raise ExchangeForbidden(
                f"{url} cannot be reached: {describe_proxy_login(self._address)}"
            )
        answer = ExchangeResponse(url, response.status, response.headers, response.body)
        self.server_clock.observe_response(answer, sent_at)
        return answer

    def _report_failures(self, state: RetryCallState) -> None:
        """Report an outage after some attempts: all of them take half a minute."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            usage_meter.add_usage(ExchangeUsage(wait_seconds=state.upcoming_sleep))
        if state.attempt_number == _REPORTED_ATTEMPTS and not isinstance(error, RateLimited):
            self._waiter.report_exchange_outage(self.base_url, error)

    def _build_limit(self, seconds: float, max_budget_wait: float = math.inf) -> _OutageLimit:
        return _OutageLimit(seconds, min(max_budget_wait, self._retry_policy.max_budget_wait))

    def _compute_delay(self, state: RetryCallState, limit: _OutageLimit) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited):
            return error.retry_after
        return limit.charge_delay(self._backoff(state))

    def _is_exhausted(self, state: RetryCallState) -> bool:
        policy = self._retry_policy
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.retry_after > policy.max_retry_after:
            return True
        # The process of a canceled run waits for its threads before it ends.
        return self._waiter.is_canceled or state.attempt_number >= policy.attempts


def _pass_error_on(
    sending: Future[Any],
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> bool:
    """Give an error of any kind to the thread that waits, as an exit callback of a context."""
    if error is not None:
        sending.set_exception(error)
    return error is not None


def _validate_url(url: str) -> str:
    """Return the URL without a trailing slash. Raises WrongUse for a URL that cannot be used."""
    try:
        usable = is_web_address(url) and bool(find_host(url))
    except REQUEST_ERRORS:
        usable = False
    if not usable:
        raise WrongUse(
            f"{redact_address(url)!r} is not an exchange's address: it must begin with https:// "
            "or http:// and have a host, each part of which has 1 to 63 characters"
            f"{build_escaping_hint(url)}"
        )
    return url.rstrip("/")


def find_host(url: str) -> str:
    """Return the host to which `requests` connects for a URL; other parsers may disagree."""
    parts = urlsplit(str(requests.Request("GET", url).prepare().url))
    name = (parts.hostname or "").removesuffix(".")
    name = f"[{name}]" if ":" in name else name
    default_port = {"http": 80, "https": 443}.get(parts.scheme)
    return name if parts.port in {None, default_port} else f"{name}:{parts.port}"
