"""Request weight: how much this process may ask of the exchange, which counts all of its IP.

The exchange counts weight per IP and minute and says the count with every answer. That count
includes other processes, so it is what we go by; our own requests under way are added, twice,
for others may have as many. Nearing the line, one request at a time goes out, so that no decision
rests on an old count. A spent minute is left alone until the exchange's clock says that it is
over; then one cheap request finds out.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from crypto_assets.errors import RateLimited

# The lowest limit that the exchange has had; what counts is read from exchangeInfo.
DEFAULT_WEIGHT_LIMIT = 1200
# What a request may weigh to be sent on an old count, or into a minute that may be spent.
CHEAP_WEIGHT = 20

_SHARE = 0.80
_RESERVE = 0.02  # of the limit, for what others send at the very moment
_NEAR = 0.70
_MINUTE_S = 60.0
_FRESH_S = 1.0
_RETRY_S = 5.0


@dataclass(frozen=True)
class WeightReservation:
    """Leave to send one request; `sent_at` by the budget's clock, `scout` into a spent minute."""

    weight: int
    sent_at: float
    is_probe: bool


class WeightBudget:
    """Shared by all threads of a process that speak to one exchange."""

    def __init__(
        self, limit: int = DEFAULT_WEIGHT_LIMIT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._limit = limit
        self._is_known = False
        self._used_weight = 0  # the exchange's count, of all processes, as last told
        self._used_weight_at = self._counted_at = clock() - _MINUTE_S
        self._pending_weights: list[int] = []
        self._next_probe_at = 0.0
        self._paused_until = 0.0

    @property
    def limit(self) -> int | None:
        """Weight a minute that the exchange allows; None until it was read."""
        return self._limit if self._is_known else None

    @property
    def is_stale(self) -> bool:
        """Whether the count is old: others may have spent the minute since."""
        return self._clock() - self._counted_at > _FRESH_S

    def set_limit(self, limit: int) -> None:
        """The limit as exchangeInfo states it."""
        with self._changed:
            self._limit, self._is_known = limit, True
            self._changed.notify_all()

    def reserve_weight(self, weight: int, longest: float = math.inf) -> WeightReservation:
        """Waits until a request of this weight may go. Each ticket must be settled.

        Raises RateLimited where that takes longer than `longest`, in seconds.
        """
        deadline = self._clock() + longest
        with self._changed:
            while (wait := self._compute_wait(weight)) > 0:
                left = deadline - self._clock()
                if left <= 0:
                    raise RateLimited(
                        f"the exchange's request weight is spent: wait {wait:.0f} s", wait
                    )
                self._changed.wait(min(wait, left))
            scout = not self._fits_limit(weight)
            self._pending_weights.append(weight)
            return WeightReservation(weight, self._clock(), scout)

    def settle_reservation(
        self, ticket: WeightReservation, used: int | None, minute_left: float | None
    ) -> None:
        """What came of a request: the count in its answer, if any, and the seconds left in the
        exchange's minute, if its answer gave a time."""
        with self._changed:
            self._pending_weights.remove(ticket.weight)
            now = self._clock()
            if used is not None or minute_left is not None:
                self._counted_at = now
            if used is None:
                self._used_weight += ticket.weight
            # An answer that was under way with the last one may have been counted before it.
            elif ticket.sent_at >= self._used_weight_at or used > self._used_weight:
                self._used_weight, self._used_weight_at = used, now
            in_vain = ticket.is_probe and not self._fits_limit(ticket.weight)
            left = _RETRY_S if in_vain or minute_left is None else minute_left
            self._next_probe_at = now + left
            self._changed.notify_all()

    def pause_requests(self, seconds: float) -> None:
        """Nobody sends for so long: the exchange said so."""
        with self._changed:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _compute_wait(self, weight: int) -> float:
        """Seconds until it is worth looking again; 0 if the request may go now."""
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        if now - self._used_weight_at >= _MINUTE_S:
            self._used_weight, self._used_weight_at = (
                0,
                now,
            )  # whatever was seen, that minute is over
        alone = not self._pending_weights
        if self._fits_limit(weight):
            calm = not self.is_stale and self._estimate_weight(weight) <= _NEAR * self._limit
            return 0 if alone or calm else _FRESH_S
        over = self._used_weight_at + _MINUTE_S - now
        if weight > CHEAP_WEIGHT or now < self._next_probe_at:
            return over if weight > CHEAP_WEIGHT else min(self._next_probe_at - now, over)
        return 0 if alone else _FRESH_S

    def _fits_limit(self, weight: int) -> bool:
        unspent = not self._used_weight and not self._pending_weights
        return unspent or self._estimate_weight(weight) <= (_SHARE - _RESERVE) * self._limit

    def _estimate_weight(self, weight: int) -> int:
        return self._used_weight + 2 * (sum(self._pending_weights) + weight)
