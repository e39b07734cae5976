"""A brake on guessing tokens: failures of an address make it wait, and then end in refusals."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from crypto_assets.client_address import group_client_address

_log = logging.getLogger(__name__)

# The first failures may be typing errors.
_FREE_FAILURES = 2
_FIRST_WAIT_SECONDS = 0.25
_MAX_FAILURES = 8
# After this time without a failure, an address is forgotten.
_MEMORY_SECONDS = 300.0
_MAX_ADDRESSES = 10_000


@dataclass
class _Failures:
    count: int
    last_at: float


class GuessBrake:
    """Counts wrong tokens for each address. `clock` is in seconds. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, _Failures] = {}
        self._lock = Lock()

    def get_refusal_seconds(self, address: str) -> float:
        """Return for how long every token of an address is refused; 0 if it may try one."""
        with self._lock:
            failures = self._find_failures(group_client_address(address))
            if failures is None or failures.count < _MAX_FAILURES:
                return 0
            return failures.last_at + _MEMORY_SECONDS - self._clock()

    def record_failure(self, address: str) -> float:
        """Count and log a wrong token; return the seconds by which to delay the answer."""
        group = group_client_address(address)
        with self._lock:
            failures = self._find_failures(group) or _Failures(0, 0)
            failures.count, failures.last_at = failures.count + 1, self._clock()
            self._failures[group] = failures
            if len(self._failures) > _MAX_ADDRESSES:
                self._drop_oldest()
        _log.warning("wrong token from %s, failure %d", address or "unknown", failures.count)
        waits = failures.count - _FREE_FAILURES
        return _FIRST_WAIT_SECONDS * 2 ** (waits - 1) if waits > 0 else 0

    def forget_failures(self, address: str) -> None:
        """Forget the failures of an address that gave the operator's token."""
        with self._lock:
            self._failures.pop(group_client_address(address), None)

    def _find_failures(self, group: str) -> _Failures | None:
        failures = self._failures.get(group)
        if failures and self._clock() - failures.last_at >= _MEMORY_SECONDS:
            del self._failures[group]
            return None
        return failures

    def _drop_oldest(self) -> None:
        newest = sorted(self._failures.items(), key=lambda item: item[1].last_at)
        self._failures = dict(newest[_MAX_ADDRESSES // 2 :])
