"""How long a request waits for an exchange that hangs: in evaluations, in ticks, in other runs."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import orjson
import pytest

from crypto_assets import service_waiter
from crypto_assets.errors import ExchangeUnavailable
from crypto_assets.exchange import BinanceRest, RequestRetryPolicy
from crypto_assets.service_waiter import ServiceWaiter, limit_exchange_wait
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.exchange.responses import START
from crypto_assets_tests.services.scripted import Answer, in_turn

TIME = Answer(200, orjson.dumps({"serverTime": START}), {"Content-Type": "application/json"})
# As by default; that of the other tests ends too soon.
RETRY_FOR_LONG = RequestRetryPolicy()
_LIMIT = 0.5
# Of a busy machine, beyond the limit.
_SLACK = 2.0


@pytest.fixture(params=["accepts and never answers", "refuses", "look-up hangs"])
def dead_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an exchange that does not respond, as one that is stopped by a signal."""
    ended = Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param != "refuses":
            listener.listen(64)
        host = "127.0.0.1"
        if request.param == "look-up hangs":
            host = "hangs.invalid"

            def look_up(*_: Any) -> Any:
                ended.wait(30)
                raise socket.gaierror("the look-up has ended")

            monkeypatch.setattr(socket, "getaddrinfo", look_up)
        yield f"http://{host}:{listener.getsockname()[1]}"
        ended.set()


@contextmanager
def takes_at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def test_all_requests_of_an_evaluation_wait_for_a_dead_exchange_together(dead_url: str) -> None:
    """The retry policy alone would take seconds for each."""
    rest = BinanceRest(dead_url, RETRY_FOR_LONG)
    with takes_at_most(_LIMIT + _SLACK), limit_exchange_wait(_LIMIT):
        for _ in range(5):
            with pytest.raises(ExchangeUnavailable, match="does not respond"):
                rest.fetch_server_time()


def test_a_request_with_a_response_does_not_shorten_the_wait(serve: Serve) -> None:
    rest = BinanceRest(serve(in_turn(Answer(200, TIME.body, TIME.headers, delay=0.2))).url, RETRY)
    with limit_exchange_wait(_LIMIT):
        assert [rest.fetch_server_time() for _ in range(4)] == [START] * 4


@pytest.mark.parametrize("dead_url", ["accepts and never answers", "refuses"], indirect=True)
def test_a_tick_waits_less_for_the_exchange_than_for_stores(dead_url: str) -> None:
    waiter = ServiceWaiter()
    rest = BinanceRest(dead_url, RETRY_FOR_LONG, waiter=waiter)
    with (
        takes_at_most(_LIMIT + _SLACK),
        waiter.wait_up_to(60, lambda _: None, _LIMIT),
        pytest.raises(ExchangeUnavailable, match="does not respond"),
    ):
        rest.fetch_server_time()


def test_a_tick_waits_for_the_rate_limit_beyond_that_limit(serve: Serve) -> None:
    waiter = ServiceWaiter()
    server = serve(in_turn(Answer(429, headers={"Retry-After": "1"}), TIME))
    with waiter.wait_up_to(60, lambda _: None, 0.3):
        assert BinanceRest(server.url, RETRY, waiter=waiter).fetch_server_time() == START


@pytest.mark.parametrize("dead_url", ["accepts and never answers", "refuses"], indirect=True)
def test_a_run_reports_within_seconds_that_it_waits(
    dead_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request with its retries takes two minutes, after which it used to be reported."""
    monkeypatch.setattr(service_waiter, "_SLOW_RESPONSE_SECONDS", 0.2)
    waiter, reports = ServiceWaiter(), list[tuple[str, float]]()
    started = time.monotonic()
    rest = BinanceRest(dead_url, RETRY_FOR_LONG, waiter=waiter)
    with (
        waiter.wait_up_to(3, lambda line: reports.append((line, time.monotonic() - started))),
        pytest.raises(ExchangeUnavailable),
    ):
        rest.fetch_server_time()
    ((line, seconds),) = reports
    assert line.startswith(f"waiting for {dead_url}, up to 3 s: ")
    assert seconds < 3


def test_a_run_reports_that_a_slow_exchange_responds(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_waiter, "_SLOW_RESPONSE_SECONDS", 0.1)
    waiter, reports = ServiceWaiter(), list[str]()
    server = serve(in_turn(Answer(200, TIME.body, TIME.headers, delay=0.4)))
    with waiter.wait_up_to(60, reports.append):
        BinanceRest(server.url, RETRY, waiter=waiter).fetch_server_time()
    assert reports == [
        f"waiting for {server.url}, up to 60 s: no response within 0 s",
        f"{server.url} responds again after 0 s",
    ]
