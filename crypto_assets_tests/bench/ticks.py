"""The live tick's figures: 20 symbols, after a day of history and after a year of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from crypto_assets_tests.bench import history, homes
from crypto_assets_tests.bench.servers import Servers, exchange_at
from crypto_assets_tests.bench.work import Work

_TICKS = 5


def measure(servers: Servers, work: Work, donor: homes.Environment) -> Iterator[tuple[str, float]]:
    """`donor` is a home in which `work` has been loaded: its history is copied to all symbols."""
    young, old = (
        history.stocked(servers, donor, work, name, days)
        for name, days in (("young", 1), ("old", work.days))
    )
    # In turn, so that what else the machine does meets both alike.
    minutes = _Minutes(servers, work)
    pairs = [[minutes.tick(home) for home in (young, old)] for _ in range(_TICKS + 1)][1:]
    seconds = [median(column) for column in zip(*pairs, strict=True)]
    yield "tick_s", seconds[1]
    yield "tick_history_ratio", seconds[1] / seconds[0]
    whole = median(minutes.tick(old, "--dagster") for _ in range(_TICKS))
    yield "tick_run_s", whole
    yield "tick_event_writes_s", whole - seconds[1]
    minutes.to_day_end()
    minutes.tick(old)
    yield "tick_day_end_s", minutes.tick(old)


class _Minutes:
    """The exchange's clock: each tick comes a minute after the one before, and half a minute in."""

    def __init__(self, servers: Servers, work: Work) -> None:
        self._servers = servers
        self._now = datetime.fromisoformat(work.noon_after).astimezone(UTC)

    def tick(self, home: homes.Environment, *words: str) -> float:
        self._now += timedelta(minutes=1)
        now = self._now.isoformat()
        with exchange_at(now, self._servers.folder / "tick-exchange.log", speed=0) as exchange:
            there = {"CRYPTO_EXCHANGE_URL": exchange.url, "CRYPTO_ARCHIVE_URL": exchange.url}
            return float(homes.inside({**home, **there}, "tick", *words)["seconds"])

    def to_day_end(self) -> None:
        """The next tick is the last of a day."""
        self._now = self._now.replace(hour=23, minute=58)
