"""Fixtures: clients with short delays, and scripted servers for them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from crypto_assets.exchange import BinanceRest, RequestRetryPolicy
from crypto_assets_tests.exchange.responses import with_info
from crypto_assets_tests.services.scripted import Respond, ScriptedServer, scripted

RETRY = RequestRetryPolicy(
    attempts=4,
    initial_delay=0.01,
    max_delay=0.02,
    max_retry_after=1.5,
    connect_timeout=2.0,
    read_timeout=10.0,
)

Serve = Callable[[Respond], ScriptedServer]
Client = Callable[[Respond], tuple[BinanceRest, ScriptedServer]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a scripted server."""
    with ExitStack() as servers:
        yield lambda respond: servers.enter_context(scripted(respond))


@pytest.fixture
def client(serve: Serve) -> Client:
    """Start a client of a scripted server, which responds to exchangeInfo by itself."""

    def start(respond: Respond) -> tuple[BinanceRest, ScriptedServer]:
        server = serve(with_info(respond))
        return BinanceRest(server.url, RETRY), server

    return start


def count_requests(server: ScriptedServer) -> int:
    """Return the number of requests, without those that read the weight limit."""
    return sum(request.path != "/api/v3/exchangeInfo" for request in server.requests)
