"""Health checks of several parts, run in parallel and not too often."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as CheckTimeoutError
from threading import Lock

from crypto_assets.errors import CryptoAssetsError

_TIMEOUT_SECONDS = 5.0
# Connect and read timeout of a check's request: not longer than the monitor's, so that the result
# is the error of the part.
CHECK_REQUEST_SECONDS = (1.0, 4.0)
# The minimum interval between two checks of a part.
_MIN_RECHECK_SECONDS = 5.0

CheckFunction = Callable[[], object]
_SubmittedCheck = tuple[float, "Future[str | None]"]


class HealthMonitor:
    """Runs a health check per part; a result is None if the part works, or one line of error."""

    def __init__(
        self,
        checks: Mapping[str, CheckFunction],
        timeout_seconds: float = _TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._submitted: dict[str, _SubmittedCheck] = {}
        self._latest_results: dict[str, str | None] = {}
        self._latest_seconds: dict[str, float] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(len(checks), "health")

    def check_all(self) -> dict[str, str | None]:
        """Return the result of every part, after the timeout at most."""
        deadline = self._clock() + self._timeout_seconds
        checks = {part: self._submit_check(part) for part in self._checks}
        return {part: self._await_result(future, deadline) for part, future in checks.items()}

    def list_latest_results(self) -> dict[str, str | None]:
        """Return the last result of each part without waiting, and start new checks.

        A part without a result yet is left out.
        """
        for part in self._checks:
            self._submit_check(part)
        with self._lock:
            return dict(self._latest_results)

    def list_latest_seconds(self) -> dict[str, float]:
        """Return how long the last check of each part took, in seconds."""
        with self._lock:
            return dict(self._latest_seconds)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit_check(self, part: str) -> "Future[str | None]":
        with self._lock:
            at, future = self._submitted.get(part, (float("-inf"), None))
            if future is None or (future.done() and self._clock() - at > _MIN_RECHECK_SECONDS):
                future = self._pool.submit(self._run_check, part)
                self._submitted[part] = (self._clock(), future)
            return future

    def _run_check(self, part: str) -> str | None:
        started = self._clock()
        result = _describe_failure(self._checks[part])
        with self._lock:
            self._latest_results[part] = result
            self._latest_seconds[part] = self._clock() - started
        return result

    def _await_result(self, future: "Future[str | None]", deadline: float) -> str | None:
        try:
            return future.result(max(0, deadline - self._clock()))
        except CheckTimeoutError:
            return f"no response within {self._timeout_seconds:g} s"


def _describe_failure(check: CheckFunction) -> str | None:
    try:
        check()
    except CryptoAssetsError as error:
        return str(error)
    return None
