"""The simulated exchange's clock: real time, another time, faster, or stopped."""

import threading

from crypto_assets.market.utc_time import now_ms
from crypto_assets.steady_clock import read_steady_clock


class SimulatedClock:
    """A clock in epoch ms that starts at `now` and runs `speed` times as fast as real time.

    It starts at this machine's clock without `now`, and stays at its time with speed 0. Safe for
    many threads.
    """

    def __init__(self, now: int | None = None, speed: float = 1.0) -> None:
        if speed < 0:
            raise ValueError("speed must be 0 or more: the exchange's clock cannot run backwards")
        self._lock = threading.Lock()
        self._base_ms = now_ms() if now is None else now
        self._origin = self._since = read_steady_clock()
        self._speed = speed
        self._pace_base_ms = self._base_ms

    def now_ms(self) -> int:
        with self._lock:
            return self._compute_now()

    def _compute_now(self) -> int:
        return self._base_ms + int((read_steady_clock() - self._since) * 1000 * self._speed)

    def real_pace_ms(self) -> int:
        """Return epoch ms that run at real pace from the start, whatever the clock is set to.

        Rate limits use them: a limit per minute protects a real server.
        """
        return self._pace_base_ms + int((read_steady_clock() - self._origin) * 1000)

    def set_time(self, now: int) -> None:
        """Set the time in epoch ms; the clock runs on from there."""
        with self._lock:
            self._base_ms, self._since = now, read_steady_clock()

    def advance(self, ms: int) -> None:
        """Move the time forward by `ms` (back if negative)."""
        with self._lock:
            self._base_ms, self._since = self._compute_now() + ms, read_steady_clock()

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._lock:
            self._base_ms, self._since = self._compute_now(), read_steady_clock()
            self._speed = speed
