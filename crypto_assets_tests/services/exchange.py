"""Fixtures: simulated exchanges, each a real HTTP server in a thread on a port of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from crypto_assets.exchange.simulated import (
    GeneratedCandles,
    SimulatedClock,
    SimulatedExchange,
    running,
)
from crypto_assets.exchange.simulated.weights import WeightMeter

# Thursday 2025-03-06 12:00:30 UTC: half a minute into a candle.
NOON = 1_741_262_430_000


@dataclass(frozen=True)
class ExchangeServer:
    """A running exchange: `url` for REST, `archive_url` for the daily archive.

    `clock` stands still until a test moves it (`set`, `advance`, `speed`), unless it was started
    with another speed. `weights.total`, `weights.highest` and `weights.minutes()` are the
    exchange's own count.
    """

    url: str
    exchange: SimulatedExchange

    @property
    def archive_url(self) -> str:
        return self.url

    @property
    def clock(self) -> SimulatedClock:
        return self.exchange.clock

    @property
    def weights(self) -> WeightMeter:
        return self.exchange.weights


StartExchange = Callable[..., ExchangeServer]


@pytest.fixture
def simulated_exchange() -> Iterator[StartExchange]:
    """Starts an exchange: `simulated_exchange(now=ms, speed=0, seed=1, outages=False)`."""
    with ExitStack() as servers:

        def start(
            *, now: int = NOON, speed: float = 0, seed: int = 1, outages: bool = False
        ) -> ExchangeServer:
            exchange = SimulatedExchange(
                GeneratedCandles(seed, outages), SimulatedClock(now, speed)
            )
            return ExchangeServer(servers.enter_context(running(exchange)), exchange)

        yield start
