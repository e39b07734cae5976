"""Whether the exchange responds, and what its clock says: the one rule of all that shows it.

The app, the API, `crypto-assets status` and the alerts each probe the exchange, and decide by
`ExchangeOutage`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Self

from crypto_assets.errors import ExchangeError, ExchangeUnavailable
from crypto_assets.exchange.interface import ExchangeRest
from crypto_assets.health_monitor import HealthMonitor
from crypto_assets.market.staleness import ExchangeCondition
from crypto_assets.market.utc_time import now_ms
from crypto_assets.service_waiter import limit_exchange_wait

# A single probe may fail because a connection was reset, or because this machine was busy.
_CONFIRMING_FAILURES = 2
_CONFIRMING_PAUSE_SECONDS = 1.0
_PART = "exchange"


@dataclass(frozen=True)
class ExchangeProbe:
    """What a request for the exchange's time has shown at `local_now`, epoch ms.

    `clock_lead_ms` is by how much the exchange's clock is ahead of this machine's, None if it did
    not say. `failure` is why it did not respond.
    """

    local_now: int
    clock_lead_ms: int | None = None
    failure: str | None = None


@dataclass(frozen=True)
class ExchangeOutage:
    """The probes in a row to which the exchange did not respond; `since` is the first, epoch ms."""

    failures: int = 0
    since: int = 0

    @property
    def is_confirmed(self) -> bool:
        """Whether the exchange counts as unreachable."""
        return self.failures >= _CONFIRMING_FAILURES

    def record_probe(self, probe: ExchangeProbe) -> Self:
        if probe.failure is None:
            return type(self)()
        return replace(self, failures=self.failures + 1, since=self.since or probe.local_now)

    def describe_exchange(
        self, probe: ExchangeProbe, before: ExchangeCondition | None = None
    ) -> ExchangeCondition:
        """Return the condition of the exchange after `probe`, the last one.

        `before` is that before the probe: the clock is as it was if the exchange did not say.
        """
        known = before or ExchangeCondition()
        lead = known.clock_lead_ms if probe.clock_lead_ms is None else probe.clock_lead_ms
        return ExchangeCondition(is_reachable=not self.is_confirmed, clock_lead_ms=lead)


def probe_exchange(rest: ExchangeRest) -> ExchangeProbe:
    """Request the exchange's time, for five seconds at most.

    An exchange that refuses requests responds: its errors are those of the runs.
    """
    try:
        with limit_exchange_wait():
            exchange_now = rest.fetch_server_time()
    except ExchangeUnavailable as error:
        return ExchangeProbe(now_ms(), failure=str(error))
    except ExchangeError:
        return ExchangeProbe(now_ms())
    local_now = now_ms()
    return ExchangeProbe(local_now, exchange_now - local_now)


class ExchangeMonitor:
    """Probes the exchange when somebody asks for its condition, but not too often. Thread-safe."""

    def __init__(self, rest: ExchangeRest, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._lock = Lock()
        self._outage, self._condition = ExchangeOutage(), ExchangeCondition()
        self._problem: str | None = None
        self._probes = HealthMonitor({_PART: self._probe}, clock=clock)

    def read_condition(self) -> ExchangeCondition:
        """Return the condition by the last probes, without waiting; reachable before the first."""
        self._probes.list_latest_results()
        with self._lock:
            return self._condition

    def find_problem(self) -> str | None:
        """Return why the exchange is unreachable, without waiting; None if it is not."""
        self._probes.list_latest_results()
        with self._lock:
            return self._problem

    def confirm_condition(self) -> ExchangeCondition:
        """Probe until the exchange responds, or is known to be unreachable; for a command."""
        while self._probe():
            time.sleep(_CONFIRMING_PAUSE_SECONDS)
        with self._lock:
            return self._condition

    def close(self) -> None:
        self._probes.close()

    def _probe(self) -> bool:
        """Probe the exchange; return whether another probe must confirm that it is unreachable."""
        probe = probe_exchange(self._rest)
        with self._lock:
            self._outage = self._outage.record_probe(probe)
            self._condition = self._outage.describe_exchange(probe, self._condition)
            self._problem = probe.failure if self._outage.is_confirmed else None
            return probe.failure is not None and not self._outage.is_confirmed
