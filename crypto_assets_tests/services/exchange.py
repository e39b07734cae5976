"""Fixtures: simulated exchanges, each an HTTP server in a thread with its own port."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crypto_assets.exchange.simulated import (
    FaultScript,
    GeneratedCandles,
    RecordedCandles,
    SimulatedClock,
    SimulatedExchange,
    start_exchange_server,
)
from crypto_assets.exchange.simulated.weight_meter import WeightMeter

# Thursday 2025-03-06 12:00:30 UTC: half a minute into a candle.
NOON = 1_741_262_430_000


@dataclass(frozen=True)
class ExchangeServer:
    """A running exchange: `url` for REST, `archive_url` for the daily archive.

    `clock` changes only when a test moves it (`set_time`, `advance`, `speed`), unless it was
    started with another speed. `faults.add_rule({...})` adds a rule while the exchange serves.
    `weights` has `total_weight`, `highest_weight` and `list_minutes()`; `exchange.get_klines(...)`
    and the like return data without HTTP.
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
    def faults(self) -> FaultScript:
        return self.exchange.faults

    @property
    def weights(self) -> WeightMeter:
        return self.exchange.weights


StartExchange = Callable[..., ExchangeServer]


@pytest.fixture(scope="session")
def stop_in_background() -> Iterator[Callable[[ExitStack], None]]:
    """Close servers while the next test runs: each takes 0.2 seconds, of which it sleeps most."""
    stops = []
    with ThreadPoolExecutor(thread_name_prefix="stop-server") as executor:
        yield lambda servers: stops.append(executor.submit(servers.pop_all().close))
    for stop in stops:
        stop.result()


@pytest.fixture
def simulated_exchange(
    stop_in_background: Callable[[ExitStack], None],
) -> Iterator[StartExchange]:
    """Start any number of exchanges, which stop after the test.

    `simulated_exchange(now=ms, speed=0, seed=1, outages=False, data=None, faults=[])`
    """
    with ExitStack() as servers:

        def start(
            *,
            now: int = NOON,
            speed: float = 0,
            seed: int = 1,
            outages: bool = False,
            data: Path | None = None,
            faults: Sequence[Mapping[str, Any]] = (),
            port: int = 0,
        ) -> ExchangeServer:
            source = RecordedCandles(data) if data else GeneratedCandles(seed, outages)
            clock = SimulatedClock(now, speed)
            exchange = SimulatedExchange(source, clock, FaultScript(faults))
            return ExchangeServer(
                servers.enter_context(start_exchange_server(exchange, port)), exchange
            )

        yield start
        stop_in_background(servers)
