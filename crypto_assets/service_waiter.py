"""Waits for a service that does not respond, instead of failing what needs it.

Clients of the exchange, the lake and the warehouse retry each request for some seconds. A restart
or a failover takes longer, and a run that fails what it does meanwhile is left half done until
somebody repeats it. Runs and commands therefore wait; pages and the API do not, and schedules and
sensors wait for the exchange for some seconds in all.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from crypto_assets.errors import CryptoAssetsError, RateLimited, TransientError

T = TypeVar("T")
Report = Callable[[str], None]

# How long runs and commands wait: longer than a restart or a failover takes. A tick waits less,
# since the next one is due in a minute, and least for the exchange, which may be away for hours.
MAX_OUTAGE_SECONDS = 300.0
TICK_OUTAGE_SECONDS = 30.0
TICK_EXCHANGE_SECONDS = 5.0
# After how long a request without a response is reported.
_SLOW_RESPONSE_SECONDS = 4.0
# The clients have retried before each of these delays, in seconds.
_INITIAL_DELAY, _MAX_DELAY = 0.5, 4.0
# A call that fails so often while others get responses has met another fault than an outage.
_MAX_FAILURES_BESIDE_RESPONSES = 3

_log = logging.getLogger(__name__)


@dataclass
class ExchangeAllowance:
    """How many seconds the requests of an evaluation may still wait for the exchange, in all."""

    seconds: float

    @contextmanager
    def charge_failures(self) -> Iterator[None]:
        """Subtract the time of a block that fails because the exchange does not respond."""
        started = time.monotonic()
        try:
            yield
        except TransientError:
            self.seconds = max(0.0, self.seconds - (time.monotonic() - started))
            raise


_allowance: ContextVar[ExchangeAllowance | None] = ContextVar("exchange_allowance", default=None)


@contextmanager
def limit_exchange_wait(seconds: float = TICK_EXCHANGE_SECONDS) -> Iterator[None]:
    """Let requests to the exchange in this block, of this thread, wait so long in all.

    Then they raise ExchangeUnavailable, also if the look-up of the host's name hangs. For schedules
    and sensors: while one of them waits, Dagster evaluates fewer of the others.
    """
    token = _allowance.set(ExchangeAllowance(seconds))
    try:
        yield
    finally:
        _allowance.reset(token)


def get_exchange_allowance() -> ExchangeAllowance | None:
    """Return the allowance of the block, if it has one."""
    return _allowance.get()


@dataclass
class _ServiceState:
    """Whether a service responds; `down_since` is on the monotonic clock, in seconds."""

    down_since: float | None = None
    is_reported: bool = False
    is_exchange: bool = False
    responses: int = 0


class ServiceWaiter:
    """Repeats calls until services respond again. Safe for many threads.

    Calls fail at once, unless they run within `wait_up_to`. An outage longer than that limit fails
    them too, and each call after it until one gets a response: all calls together wait for the
    limit once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, _ServiceState] = {}
        self._limit = self._exchange_limit = 0.0
        self._report: Report = _log.warning
        self._report_exchange: Report = _log.warning
        self._canceled = threading.Event()

    @property
    def is_waiting_allowed(self) -> bool:
        """Whether a call waits if its service does not respond."""
        return self._limit > 0 and not self._canceled.is_set()

    @property
    def is_canceled(self) -> bool:
        """Whether the work within `wait_up_to` was interrupted."""
        return self._canceled.is_set()

    @property
    def exchange_seconds(self) -> float:
        """How long a request to the exchange may take with its retries; infinite by default."""
        return self._exchange_limit if self.is_waiting_allowed else math.inf

    @contextmanager
    def wait_up_to(
        self,
        seconds: float,
        report: Report | None = None,
        exchange_seconds: float | None = None,
        report_exchange: Report | None = None,
    ) -> Iterator[None]:
        """Let calls of all threads wait up to this long per outage, and report each outage once.

        Reports are lines such as `waiting for the warehouse: …`, for the log by default. With 0
        seconds, calls within a longer limit do not wait. `exchange_seconds` is the limit for the
        exchange, if it is another one; the time of a request with its retries counts.
        `report_exchange` gets the reports of the exchange in place of `report`.
        """
        outer = self._limit, self._exchange_limit, self._report, self._report_exchange
        if not self._limit:
            self._canceled.clear()
            self._states.clear()
        self._limit, self._report = seconds, report or _log.warning
        self._report_exchange = report_exchange or self._report
        self._exchange_limit = seconds if exchange_seconds is None else exchange_seconds
        try:
            yield
        finally:
            self._limit, self._exchange_limit, self._report, self._report_exchange = outer

    def cancel_on_error(self) -> AbstractContextManager[None]:
        """Return a context that an exception ends with all waiting, in every thread.

        Enter it last, so that threads which wait for a service end before their pool is awaited.
        """
        return _CancelOnError(self._canceled)

    def run(self, service: str, call: Callable[[], T], *, is_exchange: bool = False) -> T:
        """Return what `call` returns; repeat it while the service does not respond.

        `service` is as messages name it, such as "the warehouse". Raises the TransientError of the
        last attempt.
        """
        state = self._get_state(service)
        if not self.is_waiting_allowed:
            return call()
        state.is_exchange = is_exchange
        limit = self._exchange_limit if is_exchange else self._limit
        rounds = _CallRounds(self, service, state, limit)
        if is_exchange:
            rounds.count_from_now()
        try:
            result: T = Retrying(
                retry=retry_if_exception(_means_outage),
                stop=rounds.has_ended,
                wait=wait_random_exponential(multiplier=_INITIAL_DELAY, max=_MAX_DELAY),
                before_sleep=rounds.report_once,
                sleep=self._sleep,
                reraise=True,
            )(call)
        except CryptoAssetsError as error:
            if not _means_outage(error):
                self._record_response(service, state)
            raise
        self._record_response(service, state)
        return result

    def _sleep(self, seconds: float) -> None:
        self._canceled.wait(seconds)

    def _get_report(self, state: _ServiceState) -> Report:
        return self._report_exchange if state.is_exchange else self._report

    def _get_state(self, service: str) -> _ServiceState:
        with self._lock:
            return self._states.setdefault(service, _ServiceState())

    def _record_response(self, service: str, state: _ServiceState) -> None:
        """Record that a service has responded, if only with an error."""
        with self._lock:
            state.responses += 1
            since, state.down_since = state.down_since, None
            was_reported, state.is_reported = state.is_reported, False
        if since is not None and was_reported:
            self._get_report(state)(
                f"{service} responds again after {time.monotonic() - since:.0f} s"
            )

    def record_failure(self, state: _ServiceState) -> float:
        """Return for how long the service has not responded, in seconds."""
        with self._lock:
            now = time.monotonic()
            state.down_since = now if state.down_since is None else state.down_since
            return now - state.down_since

    @contextmanager
    def watch_exchange(self, service: str) -> Iterator[Callable[[], None]]:
        """Report an outage also while a request to the exchange gets no data for seconds.

        Yields a function to call for each part of the response: a long download is no outage.
        """
        if not self.is_waiting_allowed:
            yield _ignore_data
            return
        reason = f"no response within {_SLOW_RESPONSE_SECONDS:.0f} s"
        watch = _DataWatch(
            _SLOW_RESPONSE_SECONDS, lambda: self.report_exchange_outage(service, reason)
        )
        try:
            yield watch.record_data
        finally:
            watch.stop()

    def report_exchange_outage(self, service: str, reason: object) -> None:
        """Report that the exchange does not respond, if calls wait for it."""
        if self.is_waiting_allowed:
            state = self._get_state(service)
            self.record_failure(state)
            self.report_outage(service, state, reason, self._exchange_limit)

    def report_outage(
        self, service: str, state: _ServiceState, reason: object, limit: float
    ) -> None:
        """Report an outage, unless another thread has; `limit` is how long calls wait."""
        with self._lock:
            is_known, state.is_reported = state.is_reported, True
        if not is_known:
            self._get_report(state)(f"waiting for {service}, up to {limit:.0f} s: {reason}")


class _DataWatch:
    """Calls a function, once, when no data has arrived for some seconds."""

    def __init__(self, seconds: float, report: Callable[[], None]) -> None:
        self._seconds, self._report = seconds, report
        self._last_data = time.monotonic()
        self._stopped = threading.Event()
        self._start_timer(seconds)

    def record_data(self) -> None:
        self._last_data = time.monotonic()

    def stop(self) -> None:
        self._stopped.set()
        self._timer.cancel()

    def _start_timer(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._check)
        self._timer.daemon = True
        self._timer.start()

    def _check(self) -> None:
        left = self._last_data + self._seconds - time.monotonic()
        if self._stopped.is_set():
            return
        if left > 0:
            self._start_timer(left)
        else:
            self._report()


def _ignore_data() -> None:
    """Do nothing: the request is not watched."""


def _means_outage(error: BaseException) -> bool:
    """Return whether a service did not respond. One that limits requests says when to return."""
    return isinstance(error, TransientError) and not isinstance(error, RateLimited)


class _CallRounds:
    """The attempts of one call; decides when it gives up."""

    def __init__(
        self, waiter: ServiceWaiter, service: str, state: _ServiceState, limit: float
    ) -> None:
        self._waiter, self._service, self._state = waiter, service, state
        self._limit = limit
        self._first_failure: float | None = None
        self._last_responses = state.responses
        self._failures_beside_responses = 0

    def count_from_now(self) -> None:
        """Count the time of the first attempt too, not only the time after its failure."""
        self._first_failure = time.monotonic()

    def has_ended(self, _: RetryCallState) -> bool:
        down = self._waiter.record_failure(self._state)
        now = time.monotonic()
        self._first_failure = now if self._first_failure is None else self._first_failure
        if self._state.responses != self._last_responses:
            self._last_responses = self._state.responses
            self._failures_beside_responses += 1
        longest = max(down, now - self._first_failure)
        return (
            self._failures_beside_responses >= _MAX_FAILURES_BESIDE_RESPONSES
            or not self._waiter.is_waiting_allowed
            or longest >= self._limit
        )

    def report_once(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        self._waiter.report_outage(self._service, self._state, error, self._limit)


class _CancelOnError(AbstractContextManager[None]):
    def __init__(self, canceled: threading.Event) -> None:
        self._canceled = canceled

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._canceled.set()
