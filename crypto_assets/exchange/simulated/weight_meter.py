"""Request weight per client and minute, and what happens to a client that passes the limit."""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.error_responses import Refusal, banned, too_much_weight
from crypto_assets.market.utc_time import MINUTE_MS, floor_ms

WEIGHT_LIMIT = 6000

# A client that goes on asking so often while it is told to wait is banned.
_PATIENCE = 10
_FIRST_BAN_S = 120
_LONGEST_BAN_S = 3 * 86_400
_KEPT_MINUTES = 10_000


@dataclass
class MinuteWeight:
    """One client's minute: `minute` is its start by the exchange's pace, in epoch ms."""

    minute: int
    weight: int = 0
    requests: int = 0


@dataclass
class _Client:
    minutes: deque[MinuteWeight] = field(default_factory=lambda: deque(maxlen=_KEPT_MINUTES))
    ignored: int = 0
    bans: int = 0
    banned_until: int = 0


class WeightMeter:
    """Counts weight per client address; minutes run at real pace whatever the clock does."""

    def __init__(self, clock: SimulatedClock, limit: int = WEIGHT_LIMIT) -> None:
        self.limit = limit
        self._clock = clock
        self._clients: dict[str, _Client] = {}
        self._lock = Lock()

    def spend(self, address: str, weight: int) -> tuple[int, Refusal | None]:
        """Weight used in this minute, this request included, and why it is refused, if it is."""
        with self._lock:
            client = self._clients.setdefault(address, _Client())
            pace = self._clock.pace_ms()
            minute = self._minute(client, pace)
            minute.weight += weight
            minute.requests += 1
            return minute.weight, self._judge(client, minute, pace)

    def _minute(self, client: _Client, pace: int) -> MinuteWeight:
        start = floor_ms(pace, MINUTE_MS)
        if not client.minutes or client.minutes[-1].minute != start:
            client.minutes.append(MinuteWeight(start))
            client.ignored = 0
        return client.minutes[-1]

    def _judge(self, client: _Client, minute: MinuteWeight, pace: int) -> Refusal | None:
        if pace < client.banned_until:
            return self._ban(client, pace)
        if minute.weight <= self.limit:
            return None
        client.ignored += 1
        if client.ignored <= _PATIENCE:
            return too_much_weight(self.limit, _seconds(minute.minute + MINUTE_MS - pace))
        length = min(_FIRST_BAN_S * 2**client.bans, _LONGEST_BAN_S)
        client.bans += 1
        client.banned_until = pace + length * 1000
        return self._ban(client, pace)

    def _ban(self, client: _Client, pace: int) -> Refusal:
        left = client.banned_until - pace
        return banned(self._clock.now_ms() + left, _seconds(left))

    def minutes(self, address: str | None = None) -> list[MinuteWeight]:
        """What was spent, oldest first; of all clients where none is named."""
        with self._lock:
            return [
                MinuteWeight(minute.minute, minute.weight, minute.requests)
                for name, client in self._clients.items()
                if address in (None, name)
                for minute in client.minutes
            ]

    @property
    def highest(self) -> int:
        """The largest weight that one client spent in one minute."""
        return max((minute.weight for minute in self.minutes()), default=0)

    @property
    def total(self) -> int:
        """All weight spent since the start."""
        return sum(minute.weight for minute in self.minutes())

    def reset(self) -> None:
        """Forget every client, its minutes and its ban."""
        with self._lock:
            self._clients.clear()


def _seconds(ms: int) -> int:
    return max(-(-ms // 1000), 1)
