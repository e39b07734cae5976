"""The weight budget: 80 % of the exchange's minute at most, whoever else spends of it."""

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
from crypto_assets_tests.exchange.answers import (
    JSON,
    START,
    date_header,
    info_answer,
    listing,
)
from crypto_assets_tests.exchange.conftest import HASTE, Serve
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
    made.set_limit(10**9)  # lets go of what still waits


def spend(budget: WeightBudget, weight: int, used: int | None, left: float | None = 30.0) -> None:
    budget.settle_reservation(budget.reserve_weight(weight), used, left)


class Attempt:
    """A reservation in a thread of its own, which may have to wait."""

    def __init__(self, budget: WeightBudget, weight: int) -> None:
        self.thread = threading.Thread(target=self._run, args=(budget, weight), daemon=True)
        self.thread.start()

    def _run(self, budget: WeightBudget, weight: int) -> None:
        self.ticket = budget.reserve_weight(weight)

    def is_through(self, within: float = 5.0) -> bool:
        self.thread.join(within)
        return not self.thread.is_alive()

    def waits(self) -> bool:
        return not self.is_through(0.2)


def nudge(budget: WeightBudget) -> None:
    """Wakes waiting threads to look at the test's clock."""
    budget.set_limit(LIMIT)


def test_the_answers_count_decides_not_our_own(budget: WeightBudget) -> None:
    spend(budget, 2, 4)
    assert Attempt(budget, 2).is_through()
    spend_by_others = Attempt(budget, 2)
    assert spend_by_others.is_through()
    budget.settle_reservation(spend_by_others.ticket, CEILING, 30.0)
    assert Attempt(budget, 2).waits()


def test_who_is_in_haste_is_told_instead_of_waiting(budget: WeightBudget) -> None:
    budget.pause_requests(90)
    with pytest.raises(RateLimited, match="wait 90 s") as error:
        budget.reserve_weight(2, longest=0)
    assert error.value.retry_after == pytest.approx(90)


def test_an_answer_that_was_under_way_with_a_later_one_lowers_nothing(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, 10)
    old, new = budget.reserve_weight(2), budget.reserve_weight(2)
    clock.now += 0.1
    budget.settle_reservation(new, CEILING, 30.0)
    budget.settle_reservation(old, 12, 30.0)
    assert Attempt(budget, 2).waits()


def test_a_lower_count_in_a_later_answer_is_a_new_minute(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, 400)
    clock.now += 0.5
    spend(budget, 2, 2)
    assert all(Attempt(budget, 2).is_through() for _ in range(8))


def test_near_the_line_one_request_at_a_time(budget: WeightBudget) -> None:
    spend(budget, 2, 430)
    first, second = Attempt(budget, 2), None
    assert first.is_through()
    second = Attempt(budget, 2)
    assert second.waits()
    budget.settle_reservation(first.ticket, 432, 30.0)
    assert second.is_through()


def test_an_old_count_lets_one_request_find_out(budget: WeightBudget, clock: Clock) -> None:
    spend(budget, 2, 10)
    assert not budget.is_stale
    clock.now += 2.0
    assert budget.is_stale
    first = Attempt(budget, 2)
    assert first.is_through()
    second = Attempt(budget, 2)
    assert second.waits()
    budget.settle_reservation(first.ticket, CEILING, 30.0)
    assert second.waits()


def test_what_is_under_way_counts_twice(budget: WeightBudget) -> None:
    spend(budget, 2, 10)
    assert Attempt(budget, 150).is_through()
    assert Attempt(budget, 150).waits()


def test_a_spent_minute_is_left_alone_until_the_exchange_says_it_is_over(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, CEILING, left=12.0)
    cheap, heavy = Attempt(budget, 2), Attempt(budget, 50)
    clock.now += 11.0
    nudge(budget)
    assert cheap.waits()
    clock.now += 1.5
    nudge(budget)
    assert cheap.is_through()
    assert heavy.waits()  # nothing heavy goes into a minute that may still be the spent one
    budget.settle_reservation(cheap.ticket, 2, 58.0)
    assert heavy.is_through()


def test_a_scout_that_finds_the_same_minute_tries_again_later(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, CEILING, left=1.0)
    clock.now += 1.5
    spend(budget, 2, CEILING + 2, left=59.0)
    scout = Attempt(budget, 2)
    assert scout.waits()
    clock.now += 5.5
    nudge(budget)
    assert scout.is_through()


def test_after_a_minute_of_silence_the_spent_one_is_over(
    budget: WeightBudget, clock: Clock
) -> None:
    spend(budget, 2, CEILING, left=None)
    heavy = Attempt(budget, 50)
    assert heavy.waits()
    clock.now += 60.0
    nudge(budget)
    assert heavy.is_through()


def test_requests_without_an_answer_count_as_spent(budget: WeightBudget) -> None:
    spend(budget, 2, 440)
    for _ in range(13):
        spend(budget, 2, None, None)
    assert Attempt(budget, 2).waits()


def test_a_pause_holds_everybody(budget: WeightBudget, clock: Clock) -> None:
    budget.pause_requests(30.0)
    budget.pause_requests(10.0)
    first = Attempt(budget, 2)
    clock.now += 29.0
    nudge(budget)
    assert first.waits()
    clock.now += 1.5
    nudge(budget)
    assert first.is_through()


def test_the_limit_is_read_from_the_exchange_once(simulated_exchange: StartExchange) -> None:
    server = simulated_exchange()
    server.exchange.weights = WeightMeter(server.clock, limit=2400)
    rest = BinanceRest(server.url, HASTE)
    assert rest._budget.limit is None
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rest.fetch_depth("BTCUSDT", 5), range(8)))
    assert rest._budget.limit == 2400
    assert server.weights.total_weight == 20 + 8 * 5


def test_clients_of_one_exchange_share_a_budget_and_those_of_another_do_not() -> None:
    one, same = BinanceRest("http://127.0.0.1:1"), BinanceRest("http://127.0.0.1:1")
    assert one._allowance is same._allowance
    assert one._allowance is not BinanceRest("http://127.0.0.1:2")._allowance


def test_a_heavy_request_takes_a_fresh_count_first(serve: Serve) -> None:
    book = b'{"lastUpdateId":1,"bids":[],"asks":[]}'

    def respond(request: Request) -> Answer:
        if request.path == "/api/v3/exchangeInfo":
            return info_answer(listing("BTCUSDT", "BTC"))
        return Answer(200, book, JSON | {"X-MBX-USED-WEIGHT-1M": "100"})

    server = serve(respond)
    rest = BinanceRest(server.url, HASTE)
    rest.fetch_depth("BTCUSDT", 100)
    time.sleep(1.1)
    rest.fetch_depth("BTCUSDT", 5000)
    rest.fetch_depth("BTCUSDT", 5000)
    paths = [request.path.rpartition("/")[2] for request in server.requests]
    assert paths == ["exchangeInfo", "depth", "ping", "depth", "depth"]


def test_work_goes_on_when_the_exchanges_minute_turns(serve: Serve) -> None:
    used = iter([CEILING, 2, 4, 6, 8])
    times = iter([59.0, 0.0, 0.0, 0.0, 0.0])

    def respond(request: Request) -> Answer:
        if request.path == "/api/v3/exchangeInfo":
            return info_answer(listing("BTCUSDT", "BTC"), limit=LIMIT)
        date = date_header(START / 1000 + next(times))
        count = {"X-MBX-USED-WEIGHT-1M": str(next(used))}
        return Answer(200, orjson.dumps({"serverTime": START}), JSON | date | count)

    server = serve(respond)
    rest = BinanceRest(server.url, HASTE)
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

def ask():
    while True:
        list(rest.klines("BTCUSDT", Interval.M1, window))

for _ in range(8):
    threading.Thread(target=ask).start()
"""


def test_two_processes_at_once_stay_under_the_line_together(
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
        time.sleep(3)  # more than enough to run over the line
        assert [spender.poll() for spender in spenders] == [None, None]
    finally:
        for spender in spenders:
            spender.kill()
            spender.wait()
    assert 0.7 * LIMIT <= server.weights.highest_weight <= CEILING
