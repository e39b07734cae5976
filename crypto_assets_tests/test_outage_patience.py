"""Calls wait for a service up to a limit per outage, and not for other faults."""

import threading
import time
from collections.abc import Callable

import pytest

from crypto_assets.errors import ExchangeUnavailable, WarehouseRefused
from crypto_assets.outage_patience import OutagePatience

SERVICE = "the warehouse"


class Service:
    """Fails until an event is set, and counts the calls."""

    def __init__(self) -> None:
        self.calls, self.is_up = 0, threading.Event()

    def call(self) -> int:
        self.calls += 1
        if not self.is_up.is_set():
            raise ExchangeUnavailable("it is down")
        return self.calls


def test_without_patience_a_call_fails_at_once() -> None:
    service = Service()
    with pytest.raises(ExchangeUnavailable):
        OutagePatience().run(SERVICE, service.call)
    assert service.calls == 1


def test_all_threads_wait_for_the_service_and_report_it_once() -> None:
    patience, service, reports = OutagePatience(), Service(), list[str]()
    results: list[int] = []
    with patience.wait_up_to(60, reports.append):
        threads = [
            threading.Thread(target=lambda: results.append(patience.run(SERVICE, service.call)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        _wait_until(lambda: len(reports) == 1)
        service.is_up.set()
        for thread in threads:
            thread.join(30)
    assert len(results) == 4
    assert reports[0] == "waiting for the warehouse, up to 60 s: it is down"
    assert reports[1].startswith("the warehouse responds again after")
    assert len(reports) == 2


def test_calls_after_a_longer_outage_fail_at_once_until_one_succeeds() -> None:
    patience, service = OutagePatience(), Service()
    with patience.wait_up_to(0.3, lambda _: None):
        with pytest.raises(ExchangeUnavailable):
            patience.run(SERVICE, service.call)
        assert service.calls > 1
        before = service.calls
        with pytest.raises(ExchangeUnavailable):
            patience.run(SERVICE, service.call)
        assert service.calls == before + 1
        service.is_up.set()
        patience.run(SERVICE, service.call)
        service.is_up.clear()
        before = service.calls
        with pytest.raises(ExchangeUnavailable):
            patience.run(SERVICE, service.call)
        assert service.calls > before + 1, "another outage is waited for again"


def test_a_call_that_fails_while_others_succeed_gives_up() -> None:
    patience, up = OutagePatience(), Service()
    up.is_up.set()
    calls = 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        patience.run(SERVICE, up.call)
        raise ExchangeUnavailable("a malformed response")

    with patience.wait_up_to(600, lambda _: None), pytest.raises(ExchangeUnavailable):
        patience.run(SERVICE, fail)
    assert calls == 3


def test_an_error_that_no_retry_resolves_is_raised_at_once() -> None:
    calls = 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        raise WarehouseRefused("wrong password")

    patience = OutagePatience()
    with patience.wait_up_to(600), pytest.raises(WarehouseRefused):
        patience.run(SERVICE, fail)
    assert calls == 1


def test_an_interruption_ends_all_waiting() -> None:
    patience, service = OutagePatience(), Service()
    failures: list[Exception] = []

    def wait() -> None:
        try:
            patience.run(SERVICE, service.call)
        except ExchangeUnavailable as error:
            failures.append(error)

    thread = threading.Thread(target=wait)

    def work() -> None:
        with patience.wait_up_to(600, lambda _: None), patience.cancel_on_error():
            thread.start()
            _wait_until(lambda: service.calls > 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    thread.join(10)
    assert len(failures) == 1
    with patience.wait_up_to(600):
        assert patience.is_waiting_allowed, "later work waits again"


def test_work_inside_may_have_no_patience() -> None:
    patience, service = OutagePatience(), Service()
    with patience.wait_up_to(600):
        with patience.wait_up_to(0), pytest.raises(ExchangeUnavailable):
            patience.run(SERVICE, service.call)
        assert service.calls == 1
        assert patience.is_waiting_allowed


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
