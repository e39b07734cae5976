"""The time of a fetch: this machine's, but not later than the server's clock."""

import time
from email.utils import formatdate

import pytest

from crypto_assets.exchange import BinanceRest, server_clock
from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.exchange.server_clock import DATE_INACCURACY_MS, ServerClock
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, now_ms
from crypto_assets.steady_clock import read_steady_clock
from crypto_assets_tests.exchange.conftest import RETRY, Serve
from crypto_assets_tests.exchange.responses import START, date_header
from crypto_assets_tests.services.scripted import Answer


def observe(clock: ServerClock, server_ms: int, *, age_s: int = 0, taken_s: float = 0.0) -> None:
    """Observe a response that was sent at `server_ms` and spent `age_s` in a cache."""
    headers = {"Date": formatdate((server_ms - age_s * 1000) / 1000, usegmt=True)}
    if age_s:
        headers["Age"] = str(age_s)
    response = ExchangeResponse("http://x.example", 200, headers, b"")
    clock.observe_response(response, read_steady_clock() - taken_s)


def test_without_a_response_this_machines_clock_counts() -> None:
    before = now_ms()
    assert before <= ServerClock().compute_fetch_time() <= now_ms()


@pytest.mark.parametrize("lead_ms", [0, -HOUR_MS, -DAY_MS])
def test_a_clock_that_is_right_or_behind_counts(
    monkeypatch: pytest.MonkeyPatch, lead_ms: int
) -> None:
    """To the millisecond: of two fetches within a second the later one counts."""
    clock = ServerClock()
    observe(clock, now_ms())
    monkeypatch.setattr(server_clock, "now_ms", lambda: now_ms() + lead_ms)
    before = now_ms() + lead_ms
    assert before <= clock.compute_fetch_time() <= now_ms() + lead_ms


def test_a_clock_that_is_ahead_is_limited_to_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while no response arrives, and in the order of the fetches."""
    monkeypatch.setattr(server_clock, "now_ms", lambda: now_ms() + 200 * DAY_MS)
    clock = ServerClock()
    times = []
    for taken in (0.0, 30.0):
        observe(clock, now_ms(), taken_s=taken)
        before = now_ms()
        times.append(clock.compute_fetch_time())
        assert before - 10 <= times[-1] <= now_ms() + DATE_INACCURACY_MS + 10
        time.sleep(0.01)
        times.append(clock.compute_fetch_time())
    assert times == sorted(times)
    assert times[0] < times[1], times


def test_a_server_whose_clock_is_corrected_counts_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_clock, "now_ms", lambda: now_ms() + 200 * DAY_MS)
    clock = ServerClock()
    observe(clock, START)
    assert clock.compute_fetch_time() - START < 2 * DATE_INACCURACY_MS
    observe(clock, now_ms())
    assert abs(clock.compute_fetch_time() - now_ms()) < 2 * DATE_INACCURACY_MS
    observe(clock, now_ms() - HOUR_MS)
    assert abs(clock.compute_fetch_time() - now_ms() + HOUR_MS) < 2 * DATE_INACCURACY_MS


def test_a_fetch_after_the_machine_was_suspended_has_its_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linux's monotonic clock stops meanwhile: the server's clock would seem to have stopped."""
    clock = ServerClock()
    observe(clock, now_ms())
    read = time.clock_gettime
    monkeypatch.setattr(
        time, "clock_gettime", lambda which: read(which) + 3600 * (which == time.CLOCK_BOOTTIME)
    )
    monkeypatch.setattr(server_clock, "now_ms", lambda: now_ms() + HOUR_MS)
    before = now_ms() + HOUR_MS
    assert before <= clock.compute_fetch_time() <= now_ms() + HOUR_MS


def test_a_response_from_a_cache_shows_the_time_of_the_cache() -> None:
    clock = ServerClock()
    before = now_ms()
    observe(clock, now_ms(), age_s=86_400)
    assert before <= clock.compute_fetch_time() <= now_ms()


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_server_without_a_valid_date_limits_nothing(serve: Serve, date: str) -> None:
    answer = Answer(200, b'{"serverTime":1735689600000}', {"Date": date})
    rest = BinanceRest(serve(lambda _: answer).url, RETRY)
    assert rest.fetch_server_time() == START
    before = now_ms()
    assert before <= rest.compute_fetch_time() <= now_ms()


def test_the_time_in_the_body_of_a_response_does_not_count(serve: Serve) -> None:
    """A simulated exchange may serve another time, at which its clock may have stopped."""
    at = now_ms() - HOUR_MS
    answer = Answer(200, b'{"serverTime":1735689600000}', date_header(at // 1000))
    rest = BinanceRest(serve(lambda _: answer).url, RETRY)
    assert rest.fetch_server_time() == START
    assert abs(rest.compute_fetch_time() - at) < 2 * DATE_INACCURACY_MS
