"""A week of ticks: Dagster's home stays small, and every closed day stays materialized."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from crypto_assets.dagster_ext.run_retention import measure_home_bytes
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, day_of
from crypto_assets_tests.soak import evaluation
from crypto_assets_tests.soak.daemon import Daemon
from crypto_assets_tests.soak.world import World

_MAX_HOME_BYTES = 300_000_000


@dataclass
class WeekSoak:
    """A week of ticks; `sizes` are the bytes of Dagster's home after each day."""

    world: World
    start: int
    days: int
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._daemon = Daemon(self.world)

    def run(self) -> Iterator[str]:
        """Run a tick per minute; yield each day after it has passed."""
        for number in range(self.days):
            day = self.start + number * DAY_MS
            for at in range(day, day + DAY_MS, MINUTE_MS):
                self.world.exchange.clock.set_time(at)
                self._daemon.run_minute()
            self.sizes.append(measure_home_bytes(self.world.home))
            yield str(day_of(day))

    def find_flaws(self) -> Iterator[str]:
        yield from self._daemon.failed_ticks
        yield from evaluation.find_wrong_partitions(self.world, self.start)
        if max(self.sizes) > _MAX_HOME_BYTES:
            yield f"Dagster's home grew to {max(self.sizes) / 1e6:.0f} MB"
