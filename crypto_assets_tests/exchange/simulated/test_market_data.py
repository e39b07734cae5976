"""The REST endpoints over HTTP."""

from typing import Any

import pytest
import requests

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

_OPEN = NOON // MINUTE_MS * MINUTE_MS


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _get(server: ExchangeServer, path: str, **query: Any) -> requests.Response:
    return requests.get(f"{server.url}/api/v3/{path}", params=query, timeout=20)


def _klines(server: ExchangeServer, **query: Any) -> list[list[Any]]:
    response = _get(server, "klines", **{"symbol": "BTCUSDT", "interval": "1m", **query})
    assert response.status_code == 200, response.text
    rows: list[list[Any]] = response.json()
    return rows


def test_ping_and_time(server: ExchangeServer) -> None:
    assert _get(server, "ping").json() == {}
    assert _get(server, "time").json() == {"serverTime": NOON}
    server.clock.advance(1234)
    assert _get(server, "time").json() == {"serverTime": NOON + 1234}


def test_every_response_has_the_identity_of_the_exchange(simulated_exchange: StartExchange) -> None:
    server = simulated_exchange(seed=77)
    for path in ("/api/v3/ping", "/api/v3/klines", "/api/v3/nothing", "/data/spot/nothing", "/"):
        response = requests.get(server.url + path, timeout=20)
        assert response.headers["X-Simulated-Exchange"] == "seed=77"


def test_a_row_has_twelve_fields_in_the_exchanges_types(server: ExchangeServer) -> None:
    [row] = _klines(server, limit=1)
    kinds = [int, *[str] * 5, int, str, int, str, str, str]
    assert [type(value) for value in row] == kinds
    for text in (row[i] for i in (1, 2, 3, 4, 5, 7, 9, 10)):
        assert text == f"{float(text):.8f}"
    assert row[6] == row[0] + MINUTE_MS - 1
    assert row[11] == "0"


def test_without_times_the_newest_rows_are_returned_ascending(server: ExchangeServer) -> None:
    assert [row[0] for row in _klines(server, limit=3)] == [
        _OPEN - 2 * MINUTE_MS,
        _OPEN - MINUTE_MS,
        _OPEN,
    ]
    assert len(_klines(server)) == 500
    assert len(_klines(server, limit=5000)) == 1000


def test_both_times_are_inclusive_on_open_time(server: ExchangeServer) -> None:
    start, end = _OPEN - 10 * MINUTE_MS, _OPEN - 7 * MINUTE_MS
    expected = list(range(start, end + 1, MINUTE_MS))
    assert [row[0] for row in _klines(server, startTime=start, endTime=end)] == expected
    inner = _klines(server, startTime=start + 1, endTime=end - 1)
    assert [row[0] for row in inner] == expected[1:-1]


def test_a_start_returns_the_oldest_rows_and_an_end_alone_the_newest(
    server: ExchangeServer,
) -> None:
    start = _OPEN - DAY_MS
    assert [row[0] for row in _klines(server, startTime=start, limit=2)] == [
        start,
        start + MINUTE_MS,
    ]
    assert [row[0] for row in _klines(server, endTime=start, limit=2)] == [
        start - MINUTE_MS,
        start,
    ]


def test_the_first_candle_is_found_from_time_zero(
    server: ExchangeServer,
) -> None:
    first = 1_502_942_400_000  # 2017-08-17 04:00
    assert [row[0] for row in _klines(server, startTime=0, limit=1)] == [first]
    assert _klines(server, endTime=first - 1) == []
    assert _klines(server, startTime=NOON + 1) == []
    assert _klines(server, startTime=_OPEN, endTime=_OPEN - 1) == []


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "1d", "1w"])
def test_the_open_candle_changes_with_the_clock(server: ExchangeServer, interval: str) -> None:
    seen = []
    for _ in range(6):
        seen.append(_klines(server, interval=interval, limit=1)[0])
        server.clock.advance(5_900)
    closed_at = seen[0][6] + 1
    server.clock.set_time(closed_at)
    [closed, _] = _klines(server, interval=interval, limit=2)
    for before, after in zip(seen, [*seen[1:], closed], strict=True):
        assert before[0] == after[0] == closed[0]
        assert before[1] == after[1]
        assert float(before[2]) <= float(after[2])
        assert float(before[3]) >= float(after[3])
        assert float(before[5]) < float(after[5])
        assert before[8] <= after[8]
        assert float(before[3]) <= float(before[4]) <= float(before[2])
    server.clock.advance(DAY_MS)
    assert _klines(server, interval=interval, startTime=closed[0], limit=1) == [closed]


def test_a_candle_is_open_to_its_last_millisecond(server: ExchangeServer) -> None:
    server.clock.set_time(_OPEN + MINUTE_MS - 1)
    almost = _klines(server, limit=1)[0]
    server.clock.advance(1)
    closed, opened = _klines(server, limit=2)
    assert almost[0] == closed[0] and almost[5] != closed[5]
    assert opened[:2] == [_OPEN + MINUTE_MS, opened[1]]
    assert opened[5] == "0.00000000" and opened[8] == 0


def test_exchange_info_has_the_current_fields(server: ExchangeServer) -> None:
    response = _get(server, "exchangeInfo").json()
    assert response["serverTime"] == NOON
    assert {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 6000,
    } in response["rateLimits"]
    by_name = {entry["symbol"]: entry for entry in response["symbols"]}
    assert {"BTCUSDT", "ETHUSDT", "SHIBUSDT", "PEPEUSDT", "WAVESBTC"} < by_name.keys()
    waves = by_name["WAVESBTC"]
    assert (waves["baseAsset"], waves["quoteAsset"]) == ("WAVES", "BTC")
    assert waves["status"] == "TRADING"
    filters = {entry["filterType"]: entry for entry in waves["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.00000010"
    assert filters["LOT_SIZE"]["stepSize"] == "0.01000000"
    assert "NOTIONAL" in filters


def test_exchange_info_of_some_symbols(server: ExchangeServer) -> None:
    one = _get(server, "exchangeInfo", symbol="LTCUSDT").json()
    assert [entry["symbol"] for entry in one["symbols"]] == ["LTCUSDT"]
    two = _get(server, "exchangeInfo", symbols='["ETHUSDT","BTCUSDT"]').json()
    assert {entry["symbol"] for entry in two["symbols"]} == {"BTCUSDT", "ETHUSDT"}
    broken = _get(server, "exchangeInfo", symbolStatus="BREAK").json()
    assert broken["symbols"] == []


def test_exchange_info_by_permission(server: ExchangeServer) -> None:
    every = _get(server, "exchangeInfo").json()["symbols"]
    assert every[0]["permissions"] == [] and every[0]["permissionSets"] == [["SPOT", "MARGIN"]]
    for permissions in ("SPOT", "MARGIN", '["MARGIN","LEVERAGED"]'):
        response = _get(server, "exchangeInfo", permissions=permissions).json()
        assert response["symbols"] == every
    assert _get(server, "exchangeInfo", permissions="LEVERAGED").json()["symbols"] == []
    bare = _get(server, "exchangeInfo", showPermissionSets="false").json()["symbols"]
    assert [entry["permissionSets"] for entry in bare] == [[]] * len(every)


@pytest.mark.parametrize("name", ["permissions", "symbolStatus"])
@pytest.mark.parametrize("which", [{"symbol": "LTCBTC"}, {"symbols": '["LTCBTC"]'}])
def test_exchange_info_filters_cannot_be_combined_with_names(
    server: ExchangeServer, name: str, which: dict[str, str]
) -> None:
    value = {"permissions": "SPOT", "symbolStatus": "TRADING"}[name]
    response = _get(server, "exchangeInfo", **which, **{name: value})
    assert response.status_code == 400
    assert response.json() == {"code": -1128, "msg": "Combination of optional parameters invalid."}


def test_exchange_info_of_an_unknown_status_is_refused(server: ExchangeServer) -> None:
    response = _get(server, "exchangeInfo", symbolStatus="OPEN").json()
    assert response == {"code": -1122, "msg": "Invalid symbolStatus."}
    statuses = {
        entry["status"]
        for entry in _get(server, "exchangeInfo", symbolStatus="TRADING").json()["symbols"]
    }
    assert statuses == {"TRADING"}


def test_no_futures_are_listed(server: ExchangeServer) -> None:
    for path in ("/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"):
        response = requests.get(server.url + path, timeout=20)
        assert (response.status_code, response.json()["symbols"]) == (200, [])
        assert response.headers["X-Simulated-Exchange"] == "seed=1"
    assert server.weights.total_weight == 0


def test_depth_is_a_book_around_the_price(server: ExchangeServer) -> None:
    book = _get(server, "depth", symbol="SHIBUSDT", limit=1000).json()
    close = float(_klines(server, symbol="SHIBUSDT", limit=1)[0][4])
    bids, asks = ([(float(p), float(q)) for p, q in book[side]] for side in ("bids", "asks"))
    assert len(asks) == 1000 and 0 < len(bids) <= 1000
    assert bids == sorted(bids, reverse=True) and asks == sorted(asks)
    assert 0 < bids[0][0] < asks[0][0]
    assert abs(bids[0][0] / close - 1) < 0.01
    assert all(quantity > 0 for _, quantity in bids + asks)
    assert all(len(text.split(".")[1]) == 8 for level in book["bids"] for text in level)


def test_depth_is_the_same_at_a_time_and_changes_with_the_clock(server: ExchangeServer) -> None:
    book = _get(server, "depth", symbol="BTCUSDT").json()
    assert len(book["bids"]) == len(book["asks"]) == 100
    assert _get(server, "depth", symbol="BTCUSDT", limit=5).json() == {
        "lastUpdateId": book["lastUpdateId"],
        "bids": book["bids"][:5],
        "asks": book["asks"][:5],
    }
    server.clock.advance(1000)
    later = _get(server, "depth", symbol="BTCUSDT").json()
    assert later["lastUpdateId"] > book["lastUpdateId"]
    assert later["bids"] != book["bids"]
    assert len(_get(server, "depth", symbol="BTCUSDT", limit=9999).json()["asks"]) == 5000


def test_tickers_agree_with_the_candles(server: ExchangeServer) -> None:
    day = _get(server, "ticker/24hr", symbol="BTCUSDT").json()
    rows = _klines(server, startTime=NOON - DAY_MS + 1, limit=1000)
    rows += _klines(server, startTime=rows[-1][0] + 1, limit=1000)
    assert float(day["volume"]) == pytest.approx(sum(float(row[5]) for row in rows))
    assert float(day["highPrice"]) == max(float(row[2]) for row in rows)
    assert day["count"] == sum(row[8] for row in rows)
    assert day["lastPrice"] == rows[-1][4]
    price = _get(server, "ticker/price", symbols='["BTCUSDT","ETHUSDT"]').json()
    assert price[0] == {"symbol": "BTCUSDT", "price": rows[-1][4]}
    book = _get(server, "depth", symbol="BTCUSDT", limit=1).json()
    best = _get(server, "ticker/bookTicker", symbol="BTCUSDT").json()
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    assert len(_get(server, "ticker/price").json()) >= 30


def test_an_enormous_time_does_not_fail(server: ExchangeServer) -> None:
    assert _klines(server, startTime="9" * 20) == []
    assert len(_klines(server, endTime="9" * 20, limit=2)) == 2


def test_hours_of_an_illiquid_pair_follow_the_exchanges_own_rule(server: ExchangeServer) -> None:
    """An hour opens with its first minute that has volume, not with its first minute."""
    start = _OPEN // HOUR_MS * HOUR_MS - 200 * HOUR_MS
    hours = _klines(server, symbol="WAVESBTC", interval="1h", startTime=start, limit=200)
    differs = 0
    for hour in hours:
        minutes = _klines(server, symbol="WAVESBTC", startTime=hour[0], endTime=hour[6], limit=60)
        traded = [row for row in minutes if row[8]]
        assert hour[1] == traded[0][1]
        assert hour[2] == max(row[2] for row in traded)
        assert hour[3] == min(row[3] for row in traded)
        assert hour[4] == minutes[-1][4]
        assert hour[8] == sum(row[8] for row in minutes)
        differs += hour[1] != minutes[0][1]
    assert differs > 10
