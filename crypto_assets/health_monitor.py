"""Whether each part works: asked side by side, none more often than is worth while."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillAsking
from threading import Lock

from crypto_assets.errors import CryptoAssetsError

_PATIENCE_SECONDS = 5.0
# However often somebody looks, a part is not asked more often.
_FRESH_SECONDS = 5.0

Check = Callable[[], object]
_Asked = tuple[float, "Future[str | None]"]


class Health:
    """By part, None where it works and else what is wrong, in one line."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._patience = patience_seconds
        self._clock = clock
        self._asked: dict[str, _Asked] = {}
        self._said: dict[str, str | None] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(len(checks), "health")

    def look(self) -> dict[str, str | None]:
        """Takes the patience at most; one that does not answer holds up no other."""
        deadline = self._clock() + self._patience
        asked = {part: self._ask(part) for part in self._checks}
        return {part: self._answer(future, deadline) for part, future in asked.items()}

    def known(self) -> dict[str, str | None]:
        """What each part answered last, without waiting; a part that has not yet is left out."""
        for part in self._checks:
            self._ask(part)
        with self._lock:
            return dict(self._said)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, part: str) -> "Future[str | None]":
        with self._lock:
            at, future = self._asked.get(part, (float("-inf"), None))
            if future is None or (future.done() and self._clock() - at > _FRESH_SECONDS):
                future = self._pool.submit(self._inquire, part)
                self._asked[part] = (self._clock(), future)
            return future

    def _inquire(self, part: str) -> str | None:
        complaint = _complaint(self._checks[part])
        with self._lock:
            self._said[part] = complaint
        return complaint

    def _answer(self, future: "Future[str | None]", deadline: float) -> str | None:
        try:
            return future.result(max(0, deadline - self._clock()))
        except StillAsking:
            return f"no answer within {self._patience:g} s"


def _complaint(check: Check) -> str | None:
    try:
        check()
    except CryptoAssetsError as error:
        return str(error)
    return None
