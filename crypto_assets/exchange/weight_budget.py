"""The request weight budget, which keeps requests below the exchange's limit per IP address.

The exchange counts weight per IP address and minute and returns the count with every response.
That count includes other processes, so the budget is based on it. The weight of our own pending
requests is added twice, because other processes may have as many. Near the limit only one request
is pending at a time, so that each decision is based on a current count. After the minute's weight
is spent, no request is sent until the minute ends by the exchange's clock; then one cheap request
reads the new count.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from crypto_assets.errors import ExchangeUnavailable, RateLimited
from crypto_assets.steady_clock import read_steady_clock

# The lowest limit that the exchange has ever had; exchangeInfo has the current one.
DEFAULT_WEIGHT_LIMIT = 1200
# The most weight of a request sent on a stale count, or in a minute that may be spent.
CHEAP_WEIGHT = 20

_SHARE = 0.80
_RESERVE = 0.02  # of the limit, for requests that other processes send at the same time
_NEAR = 0.70
_MINUTE_S = 60.0
_FRESH_S = 1.0
_RETRY_S = 5.0


@dataclass(frozen=True)
class WeightReservation:
    """Permission for one request, `sent_at` by the budget's clock.

    `is_probe` marks a request sent to find out whether a spent minute is over.
    """

    weight: int
    sent_at: float
    is_probe: bool


class WeightBudget:
    """The request weight that all threads of a process may use at one exchange."""

    def __init__(
        self, limit: int = DEFAULT_WEIGHT_LIMIT, clock: Callable[[], float] = read_steady_clock
    ) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._limit = limit
        self._is_known = False
        self._used_weight = 0  # the exchange's latest count, of all processes
        self._used_weight_at = self._counted_at = clock() - _MINUTE_S
        self._pending_weights: list[int] = []
        self._next_probe_at = 0.0
        self._paused_until = 0.0

    @property
    def limit(self) -> int | None:
        """The exchange's limit per minute; None before it is known."""
        return self._limit if self._is_known else None

    @property
    def is_stale(self) -> bool:
        """Whether the count is so old that other processes may have spent the minute since."""
        return self._clock() - self._counted_at > _FRESH_S

    def set_limit(self, limit: int) -> None:
        """Set the limit stated by exchangeInfo."""
        with self._changed:
            self._limit, self._is_known = limit, True
            self._changed.notify_all()

    def reserve_weight(self, weight: int, max_wait: float = math.inf) -> WeightReservation:
        """Wait until a request of this weight may be sent. Each reservation must be settled.

        Raises RateLimited after `max_wait` seconds, or ExchangeUnavailable if the limit would
        permit the request, and an earlier one has no response yet.
        """
        deadline = self._clock() + max_wait
        with self._changed:
            while (wait := self._compute_wait(weight)) > 0:
                left = deadline - self._clock()
                if left <= 0 and self._pending_weights and self._fits_limit(weight):
                    raise ExchangeUnavailable(
                        "the exchange does not respond to an earlier request: check the network "
                        "and its address"
                    )
                if left <= 0:
                    raise RateLimited(
                        f"the exchange's rate limit is used up: wait {wait:.0f} s", wait
                    )
                self._changed.wait(min(wait, left))
            is_probe = not self._fits_limit(weight)
            self._pending_weights.append(weight)
            return WeightReservation(weight, self._clock(), is_probe)

    def settle_reservation(
        self, reservation: WeightReservation, used: int | None, minute_left: float | None
    ) -> None:
        """Record the end of a request.

        `used` is the count in its response, if any; `minute_left` the seconds left in the
        exchange's minute, if the response has a date.
        """
        with self._changed:
            self._pending_weights.remove(reservation.weight)
            now = self._clock()
            if used is not None or minute_left is not None:
                self._counted_at = now
            if used is None:
                self._used_weight += reservation.weight
            # The exchange may have counted a concurrent request before the latest one.
            elif reservation.sent_at >= self._used_weight_at or used > self._used_weight:
                self._used_weight, self._used_weight_at = used, now
            still_spent = reservation.is_probe and not self._fits_limit(reservation.weight)
            left = _RETRY_S if still_spent or minute_left is None else minute_left
            self._next_probe_at = now + left
            self._changed.notify_all()

    def pause_requests(self, seconds: float) -> None:
        """Send no request for this long, as the exchange demands."""
        with self._changed:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _compute_wait(self, weight: int) -> float:
        """Return the seconds until the next check; 0 if the request may be sent now."""
        now = self._clock()
        if now < self._paused_until:
            return self._paused_until - now
        if now - self._used_weight_at >= _MINUTE_S:
            self._used_weight, self._used_weight_at = 0, now  # the counted minute is over
        is_idle = not self._pending_weights
        if self._fits_limit(weight):
            has_margin = not self.is_stale and self._estimate_weight(weight) <= _NEAR * self._limit
            return 0 if is_idle or has_margin else _FRESH_S
        until_reset = self._used_weight_at + _MINUTE_S - now
        if weight > CHEAP_WEIGHT or now < self._next_probe_at:
            next_probe = self._next_probe_at - now
            return until_reset if weight > CHEAP_WEIGHT else min(next_probe, until_reset)
        return 0 if is_idle else _FRESH_S

    def _fits_limit(self, weight: int) -> bool:
        unspent = not self._used_weight and not self._pending_weights
        return unspent or self._estimate_weight(weight) <= (_SHARE - _RESERVE) * self._limit

    def _estimate_weight(self, weight: int) -> int:
        return self._used_weight + 2 * (sum(self._pending_weights) + weight)
