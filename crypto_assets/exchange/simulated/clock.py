"""The simulated exchange's clock: real, set to another instant, faster, or standing still."""

import threading
import time

from crypto_assets.market.utc_time import now_ms


class SimulatedClock:
    """Epoch milliseconds that start at `now` and run `speed` times as fast as real time.

    Without `now` it starts at this machine's clock; with speed 0 it stands until it is moved.
    Safe to read and to move from several threads.
    """

    def __init__(self, now: int | None = None, speed: float = 1.0) -> None:
        if speed < 0:
            raise ValueError("the exchange's clock cannot run backwards: speed must be 0 or more")
        self._lock = threading.Lock()
        self._base_ms = now_ms() if now is None else now
        self._origin = self._since = time.monotonic()
        self._speed = speed
        self._pace_base_ms = self._base_ms

    def now_ms(self) -> int:
        with self._lock:
            return self._compute_now()

    def _compute_now(self) -> int:
        return self._base_ms + int((time.monotonic() - self._since) * 1000 * self._speed)

    def real_pace_ms(self) -> int:
        """Milliseconds at real pace from the starting instant, whatever the clock was set to.

        Rate limits run on this: a limit per minute protects a real server.
        """
        return self._pace_base_ms + int((time.monotonic() - self._origin) * 1000)

    def set_time(self, now: int) -> None:
        """Jump to an instant in epoch ms, forward or back, and run on from there."""
        with self._lock:
            self._base_ms, self._since = now, time.monotonic()

    def advance(self, ms: int) -> None:
        """Jump forward by `ms` milliseconds (back, if negative)."""
        with self._lock:
            self._base_ms, self._since = self._compute_now() + ms, time.monotonic()

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self._base_ms, self._since = self._compute_now(), time.monotonic()
            self._speed = speed
