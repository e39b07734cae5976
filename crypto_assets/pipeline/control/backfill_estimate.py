"""Estimates the size, the requests and the duration of a backfill before its launch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from statistics import linear_regression, mean

from crypto_assets.exchange.rest import PAGE_ROWS
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window, floor_ms
from crypto_assets.orchestrator import BackfillProgress
from crypto_assets.pipeline.control.backfill import BackfillRequest

# A day's file and its checksum.
_REQUESTS_PER_FILE = 2
# Dagster's daemon looks for new backfills twice a minute; every backfill waits for it.
_START_SECONDS = 30.0


@dataclass(frozen=True)
class BackfillPace:
    """The duration of `measured` successful backfills: seconds to start, seconds per partition."""

    measured: int
    largest: int
    start_seconds: float
    seconds_per_key: float

    def estimate_duration(self, keys: int) -> timedelta:
        return timedelta(seconds=self.start_seconds + self.seconds_per_key * keys)


@dataclass(frozen=True)
class BackfillEstimate:
    """The estimated size and duration of a backfill.

    `candles` is an upper bound of minutes. `requests` assumes that the archive has every daily
    file. `duration` is None where no backfill has been measured.
    """

    partitions: int
    candles: int
    requests: int
    duration: timedelta | None


def estimate_backfill(
    request: BackfillRequest, closed_before: int, pace: BackfillPace | None
) -> BackfillEstimate:
    """Estimate a backfill of the minutes that close before an instant (epoch ms).

    A past day takes a file of the archive and its checksum; today comes over REST.
    """
    requested = Window.of_days(request.first, request.last)
    closed = requested & Window(0, floor_ms(closed_before, MINUTE_MS))
    past = requested & Window(0, floor_ms(closed_before, DAY_MS))
    _, today = closed.split_at(past.end_ms)
    files, pages = past.duration_ms // DAY_MS, ceil(today.minutes / PAGE_ROWS)
    return BackfillEstimate(
        partitions=len(request.partition_keys),
        candles=closed.minutes * len(request.symbols),
        requests=(_REQUESTS_PER_FILE * files + pages) * len(request.symbols),
        duration=pace.estimate_duration(len(request.partition_keys)) if pace else None,
    )


def measure_backfill_pace(backfills: Sequence[BackfillProgress]) -> BackfillPace | None:
    """Measure the successful backfills from launch to end, including the wait; None without any."""
    durations = [
        (backfill.key_count, (backfill.ended_at - backfill.launched_at) / 1000)
        for backfill in backfills
        if backfill.succeeded and backfill.ended_at is not None and backfill.key_count
    ]
    if not durations:
        return None
    sizes, times = [keys for keys, _ in durations], [time for _, time in durations]
    start, per_key = _START_SECONDS, max(0.0, mean(times) - _START_SECONDS) / mean(sizes)
    if len(set(sizes)) > 1:
        line = linear_regression(sizes, times)
        start, per_key = max(0.0, line.intercept), max(0.0, line.slope)
    return BackfillPace(len(durations), max(sizes), start, per_key)
