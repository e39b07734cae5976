"""Request weight: the weight of each request, and 429 and 418 above the limit."""

import time
from typing import Any

import pytest
import requests

from crypto_assets.exchange.simulated import SimulatedClock
from crypto_assets.exchange.simulated.weight_meter import WeightMeter
from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange


class _Clock(SimulatedClock):
    """A clock whose real pace a test sets."""

    pace = NOON

    def real_pace_ms(self) -> int:
        return self.pace


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _get(server: ExchangeServer, path: str, **query: Any) -> requests.Response:
    return requests.get(f"{server.url}/api/v3/{path}", params=query, timeout=20)


def _names(count: int) -> str:
    """Return a list of `count` symbols; the weight does not depend on whether they exist."""
    names = ",".join(f'"A{n}USDT"' for n in range(count))
    return f"[{names}]"


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("ping", {}, 1),
        ("time", {}, 1),
        ("exchangeInfo", {}, 20),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1}, 2),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 1000}, 2),
        ("klines", {"symbol": "NOPE", "interval": "1m"}, 2),
        ("depth", {"symbol": "BTCUSDT"}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": 100}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": 101}, 25),
        ("depth", {"symbol": "BTCUSDT", "limit": 500}, 25),
        ("depth", {"symbol": "BTCUSDT", "limit": 1000}, 50),
        ("depth", {"symbol": "BTCUSDT", "limit": 5000}, 250),
        ("ticker/price", {"symbol": "BTCUSDT"}, 2),
        ("ticker/price", {}, 4),
        ("ticker/price", {"symbols": '["BTCUSDT"]'}, 4),
        ("ticker/bookTicker", {"symbol": "BTCUSDT"}, 2),
        ("ticker/bookTicker", {"symbols": '["BTCUSDT"]'}, 4),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {}, 80),
        ("ticker/24hr", {"symbols": _names(1)}, 2),
        ("ticker/24hr", {"symbols": _names(20)}, 2),
        ("ticker/24hr", {"symbols": _names(21)}, 40),
        ("ticker/24hr", {"symbols": _names(100)}, 40),
        ("ticker/24hr", {"symbols": _names(101)}, 80),
        ("ticker", {"symbol": "BTCUSDT", "windowSize": "7d"}, 4),
        ("ticker", {"symbols": _names(7)}, 28),
        ("ticker", {"symbols": _names(51)}, 200),
        ("ticker/tradingDay", {"symbol": "BTCUSDT"}, 4),
        ("ticker/tradingDay", {"symbols": _names(50)}, 200),
        ("uiKlines", {"symbol": "BTCUSDT", "interval": "1m"}, 2),
        ("avgPrice", {"symbol": "BTCUSDT"}, 2),
        ("trades", {"symbol": "BTCUSDT"}, 25),
        ("historicalTrades", {"symbol": "BTCUSDT"}, 25),
        ("aggTrades", {"symbol": "BTCUSDT"}, 4),
    ],
)
def test_each_request_has_its_weight(
    server: ExchangeServer, path: str, query: dict[str, Any], weight: int
) -> None:
    response = _get(server, path, **query)
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
    assert response.headers["X-MBX-USED-WEIGHT"] == str(weight)
    assert _get(server, "ping").headers["X-MBX-USED-WEIGHT-1M"] == str(weight + 1)
    assert server.weights.total_weight == weight + 1


def test_above_the_limit_requests_get_429_with_retry_after_and_then_418(
    server: ExchangeServer,
) -> None:
    server.weights.limit = 50
    for _ in range(50):
        assert _get(server, "ping").status_code == 200
    slow = _get(server, "ping")
    assert slow.status_code == 429
    assert 1 <= int(slow.headers["Retry-After"]) <= 60
    assert slow.headers["X-MBX-USED-WEIGHT-1M"] == "51"
    assert slow.json()["code"] == -1003
    assert "current limit is 50 request weight per 1 MINUTE" in slow.json()["msg"]
    responses = [_get(server, "ping") for _ in range(20)]
    assert {response.status_code for response in responses} == {429, 418}
    banned = responses[-1]
    assert banned.status_code == 418
    assert 110 <= int(banned.headers["Retry-After"]) <= 120
    until = int(banned.json()["msg"].split("until ")[1].split(".")[0])
    assert NOON + 110_000 <= until <= NOON + 120_000
    server.weights.reset_clients()
    assert _get(server, "ping").status_code == 200


def test_the_count_can_be_read_over_http(server: ExchangeServer) -> None:
    _get(server, "exchangeInfo")
    _get(server, "time")
    response = requests.get(f"{server.url}/simulated/weights", timeout=20).json()
    assert response["limit"] == 6000
    assert sum(minute["weight"] for minute in response["minutes"]) == 21
    assert sum(minute["requests"] for minute in response["minutes"]) == 2


def test_a_new_minute_starts_at_zero_and_bans_continue() -> None:
    clock = _Clock(NOON, speed=0)
    meter = WeightMeter(clock, limit=10)
    assert meter.record_request("a", 10) == (10, None)
    used, refusal = meter.record_request("a", 1)
    assert used == 11 and refusal is not None and refusal.status == 429
    assert refusal.headers["Retry-After"] == "30"
    clock.pace += 30_000
    assert meter.record_request("a", 3) == (3, None)
    assert meter.highest_weight == 11
    assert [minute.weight for minute in meter.list_minutes("a")] == [11, 3]
    for _ in range(20):
        meter.record_request("a", 1)
    clock.pace += MINUTE_MS
    used, refusal = meter.record_request("a", 1)
    assert refusal is not None and refusal.status == 418
    assert meter.record_request("b", 1) == (1, None)
    clock.pace += 2 * MINUTE_MS
    assert meter.record_request("a", 1) == (1, None)


def test_weight_minutes_run_at_real_pace_whatever_the_clock() -> None:
    clock = SimulatedClock(NOON, speed=0)
    clock.advance(50 * MINUTE_MS)
    before = clock.real_pace_ms()
    time.sleep(0.02)
    assert 15 <= clock.real_pace_ms() - before <= 5000
    assert clock.now_ms() == NOON + 50 * MINUTE_MS
