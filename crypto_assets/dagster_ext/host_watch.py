"""Decides which hosts of workers are lost: for a time, none of their workers sent a heartbeat."""

from collections.abc import Iterable
from dataclasses import dataclass

from crypto_assets.warehouse.catalog.worker_heartbeats import WorkerHeartbeat

# Longer than the interval of the sensor that observes.
_MAX_STEP_SECONDS = 40.0


@dataclass(frozen=True)
class _Sighting:
    """A heartbeat, and for how many seconds no newer one was seen."""

    beat_at: int
    silent_seconds: float


class HostWatch:
    """Follows the heartbeats of workers, in seconds of a steady clock.

    The clocks of two hosts are compared only to tell when a heartbeat was sent since the
    observation before, so a wrong clock costs no host its runs. While the warehouse does not
    respond, nothing is observed, and no worker can send anything: of such a time, no more counts
    than usually passes between two observations.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = max(timeout_seconds, _MAX_STEP_SECONDS + 1)
        self._last_observation: float | None = None
        self._sightings: dict[str, _Sighting] = {}

    def find_lost_hosts(
        self, heartbeats: Iterable[WorkerHeartbeat], now_ms: int, clock: float
    ) -> dict[str, float]:
        """Return the lost hosts, and for how many seconds each has been silent.

        `now_ms` is the watcher's time in epoch ms, `clock` that of its steady clock in seconds.
        """
        last = clock if self._last_observation is None else self._last_observation
        step = min(clock - last, _MAX_STEP_SECONDS)
        self._last_observation = clock
        hosts: dict[str, float] = {}
        sightings = {}
        for heartbeat in heartbeats:
            former = self._sightings.get(heartbeat.name)
            if former is not None and former.beat_at == heartbeat.beat_at:
                silent_seconds = former.silent_seconds + step
            else:
                silent_seconds = min(step, max(0.0, (now_ms - heartbeat.beat_at) / 1000))
            sightings[heartbeat.name] = _Sighting(heartbeat.beat_at, silent_seconds)
            hosts[heartbeat.host] = min(silent_seconds, hosts.get(heartbeat.host, silent_seconds))
        self._sightings = sightings
        return {
            host: silent_seconds
            for host, silent_seconds in hosts.items()
            if silent_seconds >= self._timeout
        }
