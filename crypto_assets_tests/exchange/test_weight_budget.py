"""The weight budget: at most 80 % of the exchange's limit, with other processes included."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from crypto_assets.errors import RateLimited
from crypto_assets.exchange import BinanceRest
from crypto_assets.exchange.simulated.weight_meter import WeightMeter
from crypto_assets.exchange.weight_budget import WeightBudget
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.exchange.responses import (
    JSON,
    START,
    date_header,
    info_answer,
    listing,
)
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.scripted import Answer, Request

LIMIT = 600
CEILING = 480


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Iterator[WeightBudget]:
    made = WeightBudget(LIMIT, clock)
    yield made
    clock.now += 3600.0
    made.set_limit(10**9)  # releases threads that still wait


def spend(budget: WeightBudget, weight: int, used: int | None, left: float | None = 30.0) -> None:
    budget.settle_reservation(budget.reserve_weight(weight), used, left)


class Attempt:
    """A reservation in a separate thread, which may have to wait."""

    def __init__(self, budget: WeightBudget, weight: int) -> None:
        self.thread = threading.Thread(target=self._run, args=(budget, weight), daemon=True)
        self.thread.start()

    def _run(self, budget: WeightBudget, weight: int) -> None:
        self.reservation = budget.reserve_weight(weight)

    def succeeds(self, within: float = 5.0) -> bool:
        self.thread.join(within)
        return not self.thread.is_alive()

    def waits(self) -> bool:
        return not self.succeeds(0.2)


def wake_threads(budget: WeightBudget) -> None:
    """Wake waiting threads, so that they read the test's clock."""
    budget.set_limit(LIMIT)


def test_the_count_in_the_response_decides(budget: WeightBudget) -> None:
    spend(budget, 2, 4)
    assert Attempt(budget, 2).succeeds()
    spend_by_others = Attempt(budget, 2)
    assert spend_by_others.succeeds()
    budget.settle_reservation(spend_by_others.reservation, CEILING, 30.0)
    assert Attempt(budget, 2).waits()


def test_a_reservation_without_time_to_wait_raises_rate_limited(budget: WeightBudget) -> None:
    budget.pause_requests(90)
    with pytest.raises(RateLimited, match="wait 90 s") as error:
        budget.reserve_weight(2, max_wait=0)
    assert error.value.retry_after == pytest.approx(90)


def test_a_late_response_of_an_earlier_request_does_not_lower_the_count(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, 10)
    old, new = budget.reserve_weight(2), budget.reserve_weight(2)
    clock.now += 0.1
    budget.settle_reservation(new, CEILING, 30.0)
    budget.settle_reservation(old, 12, 30.0)
    assert Attempt(budget, 2).waits()


def test_a_lower_count_in_a_later_response_means_a_new_minute(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, 400)
    clock.now += 0.5
    spend(budget, 2, 2)
    assert all(Attempt(budget, 2).succeeds() for _ in range(8))


def test_near_the_limit_one_request_is_pending_at_a_time(budget: WeightBudget) -> None:
    spend(budget, 2, 430)
    first, second = Attempt(budget, 2), None
    assert first.succeeds()
    second = Attempt(budget, 2)
    assert second.waits()
    budget.settle_reservation(first.reservation, 432, 30.0)
    assert second.succeeds()


def test_on_a_stale_count_one_request_reads_a_new_one(budget: WeightBudget, clock: Clock) -> None:
    spend(budget, 2, 10)
    assert not budget.is_stale
    clock.now += 2.0
    assert budget.is_stale
    first = Attempt(budget, 2)
    assert first.succeeds()
    second = Attempt(budget, 2)
    assert second.waits()
    budget.settle_reservation(first.reservation, CEILING, 30.0)
    assert second.waits()


def test_pending_weight_counts_twice(budget: WeightBudget) -> None:
    spend(budget, 2, 10)
    assert Attempt(budget, 150).succeeds()
    assert Attempt(budget, 150).waits()


def test_no_request_is_sent_before_a_spent_minute_ends(budget: WeightBudget, clock: Clock) -> None:
    spend(budget, 2, CEILING, left=12.0)
    cheap, heavy = Attempt(budget, 2), Attempt(budget, 50)
    clock.now += 11.0
    wake_threads(budget)
    assert cheap.waits()
    clock.now += 1.5
    wake_threads(budget)
    assert cheap.succeeds()
    assert heavy.waits()  # no heavy request is sent before the new count is known
    budget.settle_reservation(cheap.reservation, 2, 58.0)
    assert heavy.succeeds()


def test_a_probe_that_finds_the_minute_spent_is_repeated_later(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, CEILING, left=1.0)
    clock.now += 1.5
    spend(budget, 2, CEILING + 2, left=59.0)
    probe = Attempt(budget, 2)
    assert probe.waits()
    clock.now += 5.5
    wake_threads(budget)
    assert probe.succeeds()


def test_a_spent_minute_ends_a_minute_after_the_last_response(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, CEILING, left=None)
    heavy = Attempt(budget, 50)
    assert heavy.waits()
    clock.now += 60.0
    wake_threads(budget)
    assert heavy.succeeds()


def test_requests_without_a_response_count_as_spent(budget: WeightBudget) -> None:
    spend(budget, 2, 440)
    for _ in range(13):
        spend(budget, 2, None, None)
    assert Attempt(budget, 2).waits()


def test_a_pause_stops_every_request(budget: WeightBudget, clock: Clock) -> None:
    budget.pause_requests(30.0)
    budget.pause_requests(10.0)
    first = Attempt(budget, 2)
    clock.now += 29.0
    wake_threads(budget)
    assert first.waits()
    clock.now += 1.5
    wake_threads(budget)
    assert first.succeeds()


def test_the_limit_is_read_from_the_exchange_once(simulated_exchange: StartExchange) -> None:
    server = simulated_exchange()
    server.exchange.weights = WeightMeter(server.clock, limit=2400)
    rest = BinanceRest(server.url, RETRY)
    assert rest._budget.limit is None
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rest.fetch_depth("BTCUSDT", 5), range(8)))
    assert rest._budget.limit == 2400
    assert server.weights.total_weight == 20 + 8 * 5


def test_clients_share_a_budget_per_exchange() -> None:
    one, same = BinanceRest("http://127.0.0.1:1"), BinanceRest("http://127.0.0.1:1")
    assert one._quota is same._quota
    assert one._quota is not BinanceRest("http://127.0.0.1:2")._quota


def test_a_heavy_request_reads_a_fresh_count_first(serve: Serve) -> None:
    book = b'{"lastUpdateId":1,"bids":[],"asks":[]}'

    def respond(request: Request) -> Answer:
        if request.path == "/api/v3/exchangeInfo":
            return info_answer(listing("BTCUSDT", "BTC"))
        return Answer(200, book, JSON | {"X-MBX-USED-WEIGHT-1M": "100"})

    server = serve(respond)
    rest = BinanceRest(server.url, RETRY)
    rest.fetch_depth("BTCUSDT", 100)
    time.sleep(1.1)
    rest.fetch_depth("BTCUSDT", 5000)
    rest.fetch_depth("BTCUSDT", 5000)
    paths = [request.path.rpartition("/")[2] for request in server.requests]
    assert paths == ["exchangeInfo", "depth", "ping", "depth", "depth"]


def test_requests_continue_when_the_exchanges_minute_ends(serve: Serve) -> None:
    used = iter([CEILING, 2, 4, 6, 8])
    times = iter([59.0, 0.0, 0.0, 0.0, 0.0])

    def respond(request: Request) -> Answer:
        if request.path == "/api/v3/exchangeInfo":
            return info_answer(listing("BTCUSDT", "BTC"), limit=LIMIT)
        date = date_header(START / 1000 + next(times))
        count = {"X-MBX-USED-WEIGHT-1M": str(next(used))}
        return Answer(200, orjson.dumps({"serverTime": START}), JSON | date | count)

    server = serve(respond)
    rest = BinanceRest(server.url, RETRY)
    rest.fetch_exchange_info()
    rest.fetch_server_time()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: rest.fetch_server_time(), range(4)))
    first, *later = server.requests[1:]
    gaps = [request.at - first.at for request in later]
    assert min(gaps) >= 1.0
    assert max(gaps) < 5.0


SPENDER = """
import sys, threading
from crypto_assets.errors import RateLimited
from crypto_assets.exchange import BinanceRest
from crypto_assets.market.utc_time import Window
from crypto_assets.market.intervals import Interval

rest = BinanceRest(sys.argv[1])
window = Window(1735689600000, 1735689600000 + 60_000)

def send_requests():
    while True:
        list(rest.fetch_kline_pages("BTCUSDT", Interval.M1, window))

for _ in range(8):
    threading.Thread(target=send_requests).start()
"""


def test_two_concurrent_processes_together_stay_below_the_limit(
    simulated_exchange: StartExchange,
) -> None:
    server = simulated_exchange(now=START + 1000)  # a minute has just begun
    server.exchange.weights = WeightMeter(server.clock, limit=LIMIT)
    command = [sys.executable, "-c", SPENDER, server.url]
    spenders = [subprocess.Popen(command) for _ in range(2)]
    try:
        deadline = time.monotonic() + 50
        while server.weights.highest_weight < 0.7 * LIMIT and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(3)  # more than enough time to exceed the limit
        assert [spender.poll() for spender in spenders] == [None, None]
    finally:
        for spender in spenders:
            spender.kill()
            spender.wait()
    assert 0.7 * LIMIT <= server.weights.highest_weight <= CEILING
