"""Calls wait for a service up to a limit per outage, and not for other faults."""

import threading
import time
from collections.abc import Callable

import pytest

from crypto_assets.errors import (
    CryptoAssetsError,
    ExchangeUnavailable,
    ObjectMissing,
    RateLimited,
    WarehouseRefused,
)
from crypto_assets.service_waiter import ServiceWaiter

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


def test_a_call_that_must_not_wait_fails_at_once() -> None:
    service = Service()
    with pytest.raises(ExchangeUnavailable):
        ServiceWaiter().run(SERVICE, service.call)
    assert service.calls == 1


def test_all_threads_wait_for_the_service_and_report_it_once() -> None:
    waiter, service, reports = ServiceWaiter(), Service(), list[str]()
    results: list[int] = []
    with waiter.wait_up_to(60, reports.append):
        threads = [
            threading.Thread(target=lambda: results.append(waiter.run(SERVICE, service.call)))
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
    waiter, service = ServiceWaiter(), Service()
    with waiter.wait_up_to(0.3, lambda _: None):
        with pytest.raises(ExchangeUnavailable):
            waiter.run(SERVICE, service.call)
        assert service.calls > 1
        before = service.calls
        with pytest.raises(ExchangeUnavailable):
            waiter.run(SERVICE, service.call)
        assert service.calls == before + 1
        service.is_up.set()
        waiter.run(SERVICE, service.call)
        service.is_up.clear()
        before = service.calls
        with pytest.raises(ExchangeUnavailable):
            waiter.run(SERVICE, service.call)
        assert service.calls > before + 1, "another outage is waited for again"


def test_an_error_of_the_service_ends_its_outage() -> None:
    """An object that is missing, or a file that is not published yet."""
    waiter, service = ServiceWaiter(), Service()

    def miss() -> None:
        raise ObjectMissing("no such object")

    with waiter.wait_up_to(0.3, lambda _: None):
        with pytest.raises(ExchangeUnavailable):
            waiter.run(SERVICE, service.call)
        with pytest.raises(ObjectMissing):
            waiter.run(SERVICE, miss)
        before = service.calls
        with pytest.raises(ExchangeUnavailable):
            waiter.run(SERVICE, service.call)
        assert service.calls > before + 1, "another outage is waited for again"


def test_a_call_that_fails_while_others_succeed_gives_up() -> None:
    waiter, up = ServiceWaiter(), Service()
    up.is_up.set()
    calls = 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        waiter.run(SERVICE, up.call)
        raise ExchangeUnavailable("a malformed response")

    with waiter.wait_up_to(600, lambda _: None), pytest.raises(ExchangeUnavailable):
        waiter.run(SERVICE, fail)
    assert calls == 3


@pytest.mark.parametrize("error", [WarehouseRefused("wrong password"), RateLimited("429", 3600)])
def test_another_error_than_of_an_outage_is_raised_at_once(error: CryptoAssetsError) -> None:
    calls = 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        raise error

    waiter = ServiceWaiter()
    with waiter.wait_up_to(600), pytest.raises(type(error)):
        waiter.run(SERVICE, fail)
    assert calls == 1


def test_an_interruption_ends_all_waiting() -> None:
    waiter, service = ServiceWaiter(), Service()
    failures: list[Exception] = []

    def wait() -> None:
        try:
            waiter.run(SERVICE, service.call)
        except ExchangeUnavailable as error:
            failures.append(error)

    thread = threading.Thread(target=wait)

    def work() -> None:
        with waiter.wait_up_to(600, lambda _: None), waiter.cancel_on_error():
            thread.start()
            _wait_until(lambda: service.calls > 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    thread.join(30)
    assert len(failures) == 1
    with waiter.wait_up_to(600):
        assert waiter.is_waiting_allowed, "later work waits again"


def test_work_inside_may_be_kept_from_waiting() -> None:
    waiter, service = ServiceWaiter(), Service()
    with waiter.wait_up_to(600):
        with waiter.wait_up_to(0), pytest.raises(ExchangeUnavailable):
            waiter.run(SERVICE, service.call)
        assert service.calls == 1
        assert waiter.is_waiting_allowed


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
