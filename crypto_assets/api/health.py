"""Whether each part works: the warehouse, the lake and Dagster, asked side by side."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillAsking
from threading import Lock

from crypto_assets.api.parts import Parts
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.orchestrator import Orchestrator

_PATIENCE_SECONDS = 5.0
# However often somebody looks, a part is not asked more often.
_FRESH_SECONDS = 5.0

Check = Callable[[], None]
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
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(len(checks), "health")

    def look(self) -> dict[str, str | None]:
        """Takes the patience at most; one that does not answer holds up no other."""
        deadline = self._clock() + self._patience
        asked = {part: self._ask(part) for part in self._checks}
        return {part: self._answer(future, deadline) for part, future in asked.items()}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, part: str) -> "Future[str | None]":
        with self._lock:
            at, future = self._asked.get(part, (float("-inf"), None))
            if future is None or (future.done() and self._clock() - at > _FRESH_SECONDS):
                future = self._pool.submit(_complaint, self._checks[part])
                self._asked[part] = (self._clock(), future)
            return future

    def _answer(self, future: "Future[str | None]", deadline: float) -> str | None:
        try:
            return future.result(max(0, deadline - self._clock()))
        except StillAsking:
            return f"no answer within {self._patience:g} s"


def watch(parts: Parts) -> Health:
    """What /health and /metrics look at."""
    # Shorter than our own patience, so that its reason is told.
    dagster = Orchestrator(parts.orchestrator.url, timeout_seconds=(1.0, 4.0))

    def check_lakes() -> None:
        for lake in (parts.platform.raw, parts.platform.archive):
            lake.check()

    return Health(
        {
            "warehouse": parts.platform.warehouse.require_ready,
            "lake": check_lakes,
            "dagster": dagster.require_daemons,
        }
    )


def _complaint(check: Check) -> str | None:
    try:
        check()
    except CryptoAssetsError as error:
        return str(error)
    return None
