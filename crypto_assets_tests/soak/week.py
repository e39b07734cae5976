"""A week of ticks: Dagster's home stays small, and every closed day stays green."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from crypto_assets.dagster_ext.run_retention import measure_home_bytes
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, day_of
from crypto_assets_tests.soak import judge
from crypto_assets_tests.soak.daemon import Daemon
from crypto_assets_tests.soak.world import World

_MOST_BYTES = 300_000_000


@dataclass
class Week:
    """`sizes` are the bytes of Dagster's home after each day."""

    world: World
    start: int
    days: int
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._daemon = Daemon(self.world)

    def run(self) -> Iterator[str]:
        """A tick a minute; yields each day that has gone by."""
        for number in range(self.days):
            day = self.start + number * DAY_MS
            for at in range(day, day + DAY_MS, MINUTE_MS):
                self.world.exchange.clock.set_time(at)
                self._daemon.minute()
            self.sizes.append(measure_home_bytes(self.world.home))
            yield str(day_of(day))

    def flaws(self) -> Iterator[str]:
        yield from self._daemon.broken
        yield from judge.wrong_partitions(self.world, self.start)
        if max(self.sizes) > _MOST_BYTES:
            yield f"Dagster's home grew to {max(self.sizes) / 1e6:.0f} MB"
