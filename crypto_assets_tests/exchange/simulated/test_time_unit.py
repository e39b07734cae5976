"""Times in microseconds: in responses by the header, and in parameters."""

from typing import Any

import pytest
import requests

from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

_OPEN = NOON // MINUTE_MS * MINUTE_MS
_MICRO = {"X-MBX-TIME-UNIT": "MICROSECOND"}


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _get(
    server: ExchangeServer, path: str, headers: dict[str, str] | None = None, **query: Any
) -> Any:
    url = f"{server.url}/api/v3/{path}"
    return requests.get(url, params=query, headers=headers, timeout=20).json()


@pytest.mark.parametrize("word", ["MICROSECOND", "microsecond"])
def test_the_header_selects_microseconds(server: ExchangeServer, word: str) -> None:
    headers = {"X-MBX-TIME-UNIT": word}
    assert _get(server, "time", headers) == {"serverTime": NOON * 1000}
    assert _get(server, "exchangeInfo", headers)["serverTime"] == NOON * 1000


def test_all_times_of_a_response_are_in_microseconds(server: ExchangeServer) -> None:
    query = {"symbol": "LTCBTC"}
    for path in ("klines", "uiKlines"):
        plain = _get(server, path, **query, interval="1h", limit=3)
        micro = _get(server, path, _MICRO, **query, interval="1h", limit=3)
        assert [[row[0] * 1000, *row[1:6], row[6] * 1000 + 999, *row[7:]] for row in plain] == micro
    for path, member in (("trades", "time"), ("historicalTrades", "time"), ("aggTrades", "T")):
        plain = _get(server, path, **query, limit=5)
        micro = _get(server, path, _MICRO, **query, limit=5)
        assert [{**row, member: row[member] * 1000} for row in plain] == micro
    average = _get(server, "avgPrice", **query)["closeTime"]
    assert _get(server, "avgPrice", _MICRO, **query)["closeTime"] == average * 1000
    for path, rest in (("ticker/24hr", 0), ("ticker", 0), ("ticker/tradingDay", 999)):
        plain, micro = _get(server, path, **query), _get(server, path, _MICRO, **query)
        times = {
            "openTime": plain["openTime"] * 1000,
            "closeTime": plain["closeTime"] * 1000 + rest,
        }
        assert {**plain, **times} == micro


@pytest.mark.parametrize("word", ["MILLISECOND", "millisecond"])
def test_the_header_selects_milliseconds(server: ExchangeServer, word: str) -> None:
    assert _get(server, "time", {"X-MBX-TIME-UNIT": word}) == {"serverTime": NOON}


@pytest.mark.parametrize("word", ["NANOSECOND", "Microsecond", ""])
def test_another_unit_is_refused(server: ExchangeServer, word: str) -> None:
    assert _get(server, "time", {"X-MBX-TIME-UNIT": word}) == {
        "code": -1194,
        "msg": "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    }


def test_bounds_may_be_microseconds(server: ExchangeServer) -> None:
    query = {"symbol": "BTCUSDT", "interval": "1m"}
    start, end = _OPEN - 5 * MINUTE_MS, _OPEN - 2 * MINUTE_MS
    plain = _get(server, "klines", **query, startTime=start, endTime=end)
    assert len(plain) == 4
    micro = {"startTime": start * 1000, "endTime": end * 1000}
    assert _get(server, "klines", **query, **micro) == plain
    inner = {"startTime": start * 1000 + 1, "endTime": end * 1000 - 1}
    assert _get(server, "klines", **query, **inner) == plain[1:-1]
    trades = _get(server, "aggTrades", symbol="BTCUSDT", startTime=start, endTime=end)
    assert _get(server, "aggTrades", symbol="BTCUSDT", **micro) == trades


def test_a_fault_of_a_day_applies_to_requests_in_microseconds(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "status", "status": 500, "day": "2025-03-05"})
    query = {"symbol": "BTCUSDT", "interval": "1m", "limit": 1}
    assert _get(server, "klines", **query, startTime=(NOON - 86_400_000) * 1000)["code"] == -1000
    assert len(_get(server, "klines", **query, startTime=_OPEN * 1000)) == 1


def test_a_clock_is_skewed_by_the_same_time_in_microseconds(server: ExchangeServer) -> None:
    server.faults.add_rule({"do": "skew", "seconds": -90.5})
    assert _get(server, "time", _MICRO) == {"serverTime": (NOON - 90_500) * 1000}
