"""How long a request waits for an exchange that hangs: in evaluations, in ticks, in other runs."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import orjson
import pytest

from crypto_assets import service_waiter
from crypto_assets.errors import ExchangeUnavailable
from crypto_assets.exchange import BinanceRest, RequestRetryPolicy
from crypto_assets.exchange.retrying_transport import ExchangeRequest, ExchangeTransport
from crypto_assets.service_waiter import ServiceWaiter, limit_exchange_wait
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.exchange.responses import START
from crypto_assets_tests.services.raw_http import serve_raw
from crypto_assets_tests.services.scripted import Answer, Request, in_turn

TIME = Answer(200, orjson.dumps({"serverTime": START}), {"Content-Type": "application/json"})
# As by default; that of the other tests ends too soon.
RETRY_FOR_LONG = RequestRetryPolicy()
_LIMIT = 0.5
# Of a busy machine, beyond the limit. Without the limit, five requests take minutes.
_SLACK = 40.0


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
    """Each may take the whole limit, all of them together longer."""
    rest = BinanceRest(serve(in_turn(Answer(200, TIME.body, TIME.headers, delay=0.5))).url, RETRY)
    with limit_exchange_wait(2.0):
        assert [rest.fetch_server_time() for _ in range(5)] == [START] * 5


def test_look_ups_that_hang_keep_no_other_exchange_waiting(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the end of the process, and their threads are few."""
    ended, look_up = Event(), socket.getaddrinfo

    def hang(host: Any, *args: Any, **options: Any) -> Any:
        if host != "hangs.invalid":
            return look_up(host, *args, **options)
        ended.wait(60)
        raise socket.gaierror("the look-up has ended")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    # As of an archive: one that counts no weight.
    dead, alive = ExchangeTransport("http://hangs.invalid"), BinanceRest(serve(in_turn(TIME)).url)
    before = {*threading.enumerate()}
    for _ in range(20):
        with limit_exchange_wait(0.05), pytest.raises(ExchangeUnavailable):
            dead.get(ExchangeRequest("/file", {}), lambda response: response)
    with limit_exchange_wait(10):
        assert alive.fetch_server_time() == START
    stuck = {*threading.enumerate()} - before
    senders = [thread for thread in stuck if thread.name.startswith("exchange")]
    assert len(senders) == 8 and all(thread.daemon for thread in senders)
    ended.set()
    for thread in senders:
        thread.join(30)


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
    with waiter.wait_up_to(60, lambda _: None, 0.9):
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
    ended = time.monotonic() - started
    ((line, seconds),) = reports
    assert line.startswith(f"waiting for {dead_url}, up to 3 s: ")
    assert seconds < ended - 1, "long before the request failed"


def test_a_run_reports_that_a_slow_exchange_responds(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_waiter, "_SLOW_RESPONSE_SECONDS", 0.1)
    waiter, reports, reported = ServiceWaiter(), list[str](), Event()

    def report(line: str) -> None:
        reports.append(line)
        reported.set()

    def respond_after_the_report(_: Request) -> Answer:
        assert reported.wait(30)
        return TIME

    server = serve(respond_after_the_report)
    policy = replace(RETRY, read_timeout=60)
    with waiter.wait_up_to(60, report):
        BinanceRest(server.url, policy, waiter=waiter).fetch_server_time()
    waiting, again = reports
    assert waiting == f"waiting for {server.url}, up to 60 s: no response within 0 s"
    assert again.startswith(f"{server.url} responds again after ")


def test_a_long_download_is_not_reported_as_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data arrives all the time."""
    monkeypatch.setattr(service_waiter, "_SLOW_RESPONSE_SECONDS", 0.5)
    waiter, reports = ServiceWaiter(), list[str]()

    def send_slowly() -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Length: {len(TIME.body)}\r\n\r\n".encode()
        for byte in TIME.body:
            time.sleep(0.05)
            yield bytes([byte])

    with serve_raw(send_slowly) as server, waiter.wait_up_to(60, reports.append):
        assert BinanceRest(server.url, RETRY, waiter=waiter).fetch_server_time() == START
    assert reports == []
