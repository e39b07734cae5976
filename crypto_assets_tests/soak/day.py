"""Ticks through outages and over midnight, for a day or some hours, and their evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_of, floor_ms, format_utc
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.soak import evaluation
from crypto_assets_tests.soak.costs import Cost, measure_costs_so_far, sum_costs
from crypto_assets_tests.soak.daemon import Daemon
from crypto_assets_tests.soak.world import World

_MAX_GROWTH = 1.1


@dataclass(frozen=True)
class DayPlan:
    """The planned faults, as half-open ranges of minutes since the first tick.

    In `no_daemon` no daemon runs, in `exchange_down` the exchange refuses every request, in
    `symbol_refused` those of one symbol, and of `no_candles` it has no candles. `step` is the
    number of minutes from tick to tick.
    """

    minutes: int
    no_daemon: tuple[int, int]
    exchange_down: tuple[int, int]
    symbol_refused: tuple[int, int]
    no_candles: tuple[int, int]
    step: int = 1


# Starts at noon: the exchange is down from 23:50 to 00:20, while a day closes.
WHOLE_DAY = DayPlan(
    minutes=1440,
    no_daemon=(540, 600),
    exchange_down=(710, 740),
    symbol_refused=(180, 185),
    no_candles=(1033, 1060),
)


@dataclass
class DaySoak:
    """A day of ticks; `costs` are those of live ticks by minute, `runs` the successes by job."""

    world: World
    server: DatabaseServer
    plan: DayPlan

    def __post_init__(self) -> None:
        self.began = self.world.now
        self.costs: dict[int, Cost] = {}
        self.runs: dict[str, list[bool]] = {}
        self.daemon = Daemon(self.world)

    def run(self) -> Iterator[int]:
        """Run all minutes; yield each one after it has passed."""
        self._plan_faults()
        for minute in range(0, self.plan.minutes, self.plan.step):
            self.world.exchange.clock.set_time(self.began + minute * MINUTE_MS)
            if not self.plan.no_daemon[0] <= minute < self.plan.no_daemon[1]:
                before = measure_costs_so_far(self.world, self.server)
                finished = self.daemon.run_minute()
                if {run.job for run in finished} <= {"ingest", "order_books"}:
                    self.costs[minute] = measure_costs_so_far(self.world, self.server) - before
                for run in finished:
                    self.runs.setdefault(run.job, []).append(run.success)
            yield minute

    def find_flaws(self) -> Iterator[str]:
        """Find everything that is wrong after the day."""
        start = floor_ms(self.began, DAY_MS)
        closed = [day_of(at) for at in range(start, floor_ms(self.world.now, DAY_MS), DAY_MS)]
        yield from self.daemon.failed_ticks
        yield from evaluation.find_flaws(self.world, start)
        yield from evaluation.find_failed_checks(self.world, closed)
        first, last = self.measure_edge_hours()
        for name in ("statements", "rows_read", "weight"):
            if getattr(last, name) > _MAX_GROWTH * getattr(first, name):
                yield f"{name} of the last hour {getattr(last, name)}, of the first {first}"

    def measure_edge_hours(self) -> tuple[Cost, Cost]:
        """Sum the costs of the first hour, without the first tick, and of the last hour."""
        minutes = self.plan.minutes
        return tuple(
            sum_costs([cost for minute, cost in self.costs.items() if begin < minute <= begin + 60])
            for begin in (0, minutes - 61)
        )  # type: ignore[return-value]

    def _plan_faults(self) -> None:
        faults = self.world.exchange.faults
        down, one_symbol, no_candles = (
            [format_utc(self.began + minute * MINUTE_MS - MINUTE_MS // 2) for minute in span]
            for span in (self.plan.exchange_down, self.plan.symbol_refused, self.plan.no_candles)
        )
        faults.add_rule({"do": "status", "status": 503, "from": down[0], "until": down[1]})
        refused = {"do": "status", "status": 451, "symbol": self.world.symbols[3]}
        faults.add_rule({**refused, "from": one_symbol[0], "until": one_symbol[1]})
        faults.add_rule({"do": "outage", "start": no_candles[0], "end": no_candles[1]})


def format_summary(soak: DaySoak) -> Iterator[str]:
    """Format the runs and costs of a day as lines."""
    first, last = soak.measure_edge_hours()
    yield f"from {format_utc(soak.began)} to {format_utc(soak.world.now)}"
    for job, ended in sorted(soak.runs.items()):
        yield f"{job}: {len(ended)} runs, {ended.count(False)} failed"
    yield f"first hour: {first}"
    yield f"last hour:  {last}"
    yield f"hours: {soak.plan.minutes * MINUTE_MS / HOUR_MS:.1f}"
