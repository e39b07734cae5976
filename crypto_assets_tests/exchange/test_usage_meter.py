"""What a process uses of the rate limit: weight, refusals and waits."""

from collections.abc import Iterator

import orjson
import pytest

from crypto_assets.errors import ExchangeBanned
from crypto_assets.exchange.usage_meter import usage_meter
from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets_tests.exchange import responses
from crypto_assets_tests.exchange.conftest import Client
from crypto_assets_tests.exchange.responses import JSON, START
from crypto_assets_tests.services.scripted import Answer, in_turn

TIME = Answer(200, orjson.dumps({"serverTime": START}), JSON)
# Of `/api/v3/time`, and of exchangeInfo, which is requested first.
TIME_WEIGHT, INFO_WEIGHT = 1, 20


@pytest.fixture(autouse=True)
def _other_usage() -> Iterator[None]:
    """Take what other tests have used."""
    usage_meter.take_usage()
    yield
    usage_meter.take_usage()


def test_requests_are_counted_with_their_weight(client: Client) -> None:
    rest, server = client(in_turn(TIME, Answer(503), TIME))
    rest.fetch_server_time()
    rest.fetch_server_time()
    infos = len(server.requests) - 3
    assert usage_meter.take_usage() == ExchangeUsage(
        requests=3 + infos,
        weight=3 * TIME_WEIGHT + infos * INFO_WEIGHT,
        wait_seconds=pytest.approx(0, abs=30),
    )
    assert usage_meter.take_usage() == ExchangeUsage()


def test_a_429_is_counted_with_the_wait_for_it(client: Client) -> None:
    rest, _ = client(in_turn(Answer(429, responses.TOO_MUCH, {"Retry-After": "1"}), TIME))
    rest.fetch_server_time()
    usage = usage_meter.take_usage()
    assert (usage.rate_limits, usage.bans) == (1, 0)
    assert usage.wait_seconds >= 1


def test_a_ban_is_counted_once(client: Client) -> None:
    """Requests during the ban are not sent."""
    rest, server = client(in_turn(Answer(418, responses.BANNED, {"Retry-After": "300"})))
    for _ in range(3):
        with pytest.raises(ExchangeBanned):
            rest.fetch_server_time()
    usage = usage_meter.take_usage()
    assert (usage.requests, usage.rate_limits, usage.bans) == (len(server.requests), 0, 1)
