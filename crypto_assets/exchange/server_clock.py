"""The clock of a server, as far as the headers of its responses show it."""

import threading

from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.market.utc_time import now_ms
from crypto_assets.steady_clock import read_steady_clock

# The header `Date` has whole seconds, and a server may compute it once a second.
DATE_INACCURACY_MS = 2_000


class ServerClock:
    """Limits the time of a fetch to the server's clock. Safe for many threads.

    A machine whose clock is ahead would stamp its fetches with times to come, which outrank every
    later fetch. Each response shows an instant before which the server's clock certainly was; of
    all responses, the earliest instant counts, advanced by the time since.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest_ms: float | None = None
        self._at = 0.0

    def observe_response(self, response: ExchangeResponse, sent_at: float) -> None:
        """Learn from the header `Date` of a response to a request that was sent at `sent_at`.

        `sent_at` is in seconds of `read_steady_clock`.
        """
        earliest = response.server_time_ms
        if earliest is None:
            return
        with self._lock:
            now = read_steady_clock()
            latest = earliest + DATE_INACCURACY_MS + (now - sent_at) * 1000
            known = self._compute_latest(now)
            # A clock that was set forward invalidates what earlier responses showed.
            if known is not None and known >= earliest:
                latest = min(latest, known)
            self._latest_ms, self._at = latest, now

    def compute_fetch_time(self) -> int:
        """Return the earlier of this machine's time and the server's latest possible, epoch ms."""
        with self._lock:
            latest = self._compute_latest(read_steady_clock())
        local = now_ms()
        return local if latest is None else min(local, int(latest))

    def _compute_latest(self, now: float) -> float | None:
        return None if self._latest_ms is None else self._latest_ms + (now - self._at) * 1000
