"""Ticks through outages and over midnight, then the judgement: a day of them, or some hours."""

from collections.abc import Iterator
from dataclasses import dataclass

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_of, floor_ms, format_utc
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak import judge
from crypto_assets_tests.soak.costs import Cost, so_far, total
from crypto_assets_tests.soak.daemon import Daemon
from crypto_assets_tests.soak.world import World

_FLAT = 1.1


@dataclass(frozen=True)
class Plan:
    """What is planted, in minutes since the first tick: (first, last exclusive).

    `ours` is when no daemon runs, `theirs` when the exchange refuses everything, `one` when it
    refuses one symbol, `none` for which it has no candles.
    """

    minutes: int
    ours: tuple[int, int]
    theirs: tuple[int, int]
    one: tuple[int, int]
    none: tuple[int, int]
    apart: int = 1


# From noon: the exchange is down from 23:50 to 00:20, while a day closes.
WHOLE_DAY = Plan(
    minutes=1440, ours=(540, 600), theirs=(710, 740), one=(180, 185), none=(1033, 1060)
)


@dataclass
class Soak:
    """`costs` are those of the live ticks by minute; `runs` says of each job's how they ended."""

    world: World
    server: DatabaseServer
    plan: Plan

    def __post_init__(self) -> None:
        self.began = self.world.now
        self.costs: dict[int, Cost] = {}
        self.runs: dict[str, list[bool]] = {}
        self.daemon = Daemon(self.world)

    def run(self) -> Iterator[int]:
        """Drive all minutes; yields each that has gone by."""
        self._plant()
        for minute in range(0, self.plan.minutes, self.plan.apart):
            self.world.exchange.clock.set_time(self.began + minute * MINUTE_MS)
            if not self.plan.ours[0] <= minute < self.plan.ours[1]:
                before = so_far(self.world, self.server)
                ended = self.daemon.minute()
                if {run.job for run in ended} <= {"ingest", "order_books"}:
                    self.costs[minute] = so_far(self.world, self.server) - before
                for run in ended:
                    self.runs.setdefault(run.job, []).append(run.success)
            yield minute

    def flaws(self) -> Iterator[str]:
        start = floor_ms(self.began, DAY_MS)
        closed = [day_of(at) for at in range(start, floor_ms(self.world.now, DAY_MS), DAY_MS)]
        yield from self.daemon.broken
        yield from judge.flaws(self.world, start)
        yield from judge.checks_failed(self.world, closed)
        first, last = self.hours()
        for name in ("statements", "rows_read", "weight"):
            if getattr(last, name) > _FLAT * getattr(first, name):
                yield f"{name} of the last hour {getattr(last, name)}, of the first {first}"

    def hours(self) -> tuple[Cost, Cost]:
        """All ticks of the first hour, less the very first, and of the last."""
        minutes = self.plan.minutes
        return tuple(
            total([cost for minute, cost in self.costs.items() if begin < minute <= begin + 60])
            for begin in (0, minutes - 61)
        )  # type: ignore[return-value]

    def _plant(self) -> None:
        faults = self.world.exchange.faults
        down, alone, none = (
            [format_utc(self.began + minute * MINUTE_MS - MINUTE_MS // 2) for minute in span]
            for span in (self.plan.theirs, self.plan.one, self.plan.none)
        )
        faults.add_rule({"do": "status", "status": 503, "from": down[0], "until": down[1]})
        refused = {"do": "status", "status": 451, "symbol": self.world.symbols[3]}
        faults.add_rule({**refused, "from": alone[0], "until": alone[1]})
        faults.add_rule({"do": "outage", "start": none[0], "end": none[1]})


def summary(soak: Soak) -> Iterator[str]:
    first, last = soak.hours()
    yield f"from {format_utc(soak.began)} to {format_utc(soak.world.now)}"
    for job, ended in sorted(soak.runs.items()):
        yield f"{job}: {len(ended)} runs, {ended.count(False)} failed"
    yield f"first hour: {first}"
    yield f"last hour:  {last}"
    yield f"hours: {soak.plan.minutes * MINUTE_MS / HOUR_MS:.1f}"
