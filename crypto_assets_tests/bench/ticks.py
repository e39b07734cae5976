"""Measures the live tick of 20 symbols, after a day and after a year of history."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from crypto_assets_tests.bench import history, homes
from crypto_assets_tests.bench.servers import Servers, start_exchange
from crypto_assets_tests.bench.workload import Workload

_TICKS = 5


def measure_ticks(
    servers: Servers, workload: Workload, donor: homes.Environment
) -> Iterator[tuple[str, float]]:
    """Measure ticks in homes to which the history of `donor` is copied.

    `donor` is a home that has loaded `workload`.
    """
    young, old = (
        history.init_home_with_history(servers, donor, workload, name, days)
        for name, days in (("young", 1), ("old", workload.days))
    )
    # Alternately, so that other work of the machine affects both homes equally.
    clock = _TickClock(servers, workload)
    pairs = [[clock.run_tick(home) for home in (young, old)] for _ in range(_TICKS + 1)][1:]
    seconds = [median(column) for column in zip(*pairs, strict=True)]
    yield "tick_s", seconds[1]
    yield "tick_history_ratio", seconds[1] / seconds[0]
    run_seconds = median(clock.run_tick(old, "--dagster") for _ in range(_TICKS))
    yield "tick_run_s", run_seconds
    yield "tick_event_writes_s", run_seconds - seconds[1]
    clock.move_to_day_end()
    clock.run_tick(old)
    yield "tick_day_end_s", clock.run_tick(old)


class _TickClock:
    """The exchange's clock: each tick is a minute later than the last, 30 seconds into it."""

    def __init__(self, servers: Servers, workload: Workload) -> None:
        self._servers = servers
        self._now = datetime.fromisoformat(workload.noon_after).astimezone(UTC)

    def run_tick(self, home: homes.Environment, *options: str) -> float:
        """Run the next tick in a home; return its seconds."""
        self._now += timedelta(minutes=1)
        now = self._now.isoformat()
        with start_exchange(now, self._servers.folder / "tick-exchange.log", speed=0) as exchange:
            addresses = {"CRYPTO_EXCHANGE_URL": exchange.url, "CRYPTO_ARCHIVE_URL": exchange.url}
            return float(homes.measure_inside({**home, **addresses}, "tick", *options)["seconds"])

    def move_to_day_end(self) -> None:
        """Make the next tick the last of a day."""
        self._now = self._now.replace(hour=23, minute=58)
