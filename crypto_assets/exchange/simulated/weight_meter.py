"""Request weight per client and minute, with the 429s and bans of clients above the limit."""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.error_responses import (
    ErrorResponse,
    ip_ban_error,
    weight_limit_error,
)
from crypto_assets.market.utc_time import MINUTE_MS, floor_ms

WEIGHT_LIMIT = 6000

# A client is banned after this many requests that ignore a 429 within a minute.
_MAX_IGNORED = 10
_FIRST_BAN_S = 120
_LONGEST_BAN_S = 3 * 86_400
_KEPT_MINUTES = 10_000


@dataclass
class MinuteWeight:
    """A minute of a client: its start in epoch ms at real pace, its weight and its requests."""

    minute: int
    weight: int = 0
    requests: int = 0


@dataclass
class _ClientState:
    minutes: deque[MinuteWeight] = field(default_factory=lambda: deque(maxlen=_KEPT_MINUTES))
    ignored: int = 0
    bans: int = 0
    banned_until: int = 0


class WeightMeter:
    """Counts weight per client address. Minutes run at real pace whatever the clock does."""

    def __init__(self, clock: SimulatedClock, limit: int = WEIGHT_LIMIT) -> None:
        self.limit = limit
        self._clock = clock
        self._clients: dict[str, _ClientState] = {}
        self._lock = Lock()

    def record_request(self, address: str, weight: int) -> tuple[int, ErrorResponse | None]:
        """Return the weight used in this minute, and the error response if over the limit."""
        with self._lock:
            client = self._clients.setdefault(address, _ClientState())
            pace = self._clock.real_pace_ms()
            minute = self._get_current_minute(client, pace)
            minute.weight += weight
            minute.requests += 1
            return minute.weight, self._check_limits(client, minute, pace)

    def _get_current_minute(self, client: _ClientState, pace: int) -> MinuteWeight:
        start = floor_ms(pace, MINUTE_MS)
        if not client.minutes or client.minutes[-1].minute != start:
            client.minutes.append(MinuteWeight(start))
            client.ignored = 0
        return client.minutes[-1]

    def _check_limits(
        self, client: _ClientState, minute: MinuteWeight, pace: int
    ) -> ErrorResponse | None:
        if pace < client.banned_until:
            return self._build_ban_error(client, pace)
        if minute.weight <= self.limit:
            return None
        client.ignored += 1
        if client.ignored <= _MAX_IGNORED:
            return weight_limit_error(
                self.limit, _round_up_seconds(minute.minute + MINUTE_MS - pace)
            )
        length = min(_FIRST_BAN_S * 2**client.bans, _LONGEST_BAN_S)
        client.bans += 1
        client.banned_until = pace + length * 1000
        return self._build_ban_error(client, pace)

    def _build_ban_error(self, client: _ClientState, pace: int) -> ErrorResponse:
        left = client.banned_until - pace
        return ip_ban_error(self._clock.now_ms() + left, _round_up_seconds(left))

    def list_minutes(self, address: str | None = None) -> list[MinuteWeight]:
        """Return the minutes of a client, or of all clients, oldest first."""
        with self._lock:
            return [
                MinuteWeight(minute.minute, minute.weight, minute.requests)
                for name, client in self._clients.items()
                if address in (None, name)
                for minute in client.minutes
            ]

    @property
    def highest_weight(self) -> int:
        """The largest weight of a client in a minute."""
        return max((minute.weight for minute in self.list_minutes()), default=0)

    @property
    def total_weight(self) -> int:
        """The weight of all clients since the start."""
        return sum(minute.weight for minute in self.list_minutes())

    def reset_clients(self) -> None:
        """Remove all clients with their minutes and bans."""
        with self._lock:
            self._clients.clear()


def _round_up_seconds(ms: int) -> int:
    return max(-(-ms // 1000), 1)
