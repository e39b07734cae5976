"""Tickers and averages agree with the candles and trades that the exchange serves."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

_OPEN = NOON // MINUTE_MS * MINUTE_MS
_DAY = NOON // DAY_MS * DAY_MS
_MINI = [
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
]
_FULL = {*_MINI, "priceChange", "priceChangePercent", "weightedAvgPrice"}
_DAY_FULL = {
    *_FULL,
    *("prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"),
}


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _get(server: ExchangeServer, path: str, **query: Any) -> Any:
    return requests.get(f"{server.url}/api/v3/{path}", params=query, timeout=30).json()


def _rows(server: ExchangeServer, symbol: str, start: int, end: int) -> list[list[Any]]:
    rows: list[list[Any]] = []
    while page := _get(
        server, "klines", symbol=symbol, interval="1m", startTime=start, endTime=end, limit=1000
    ):
        rows += page
        start = page[-1][0] + 1
    return rows


def _agrees(ticker: dict[str, Any], rows: list[list[Any]]) -> None:
    traded = [row for row in rows if Decimal(row[5])]
    assert ticker["openPrice"] == traded[0][1]
    assert Decimal(ticker["highPrice"]) == max(Decimal(row[2]) for row in traded)
    assert Decimal(ticker["lowPrice"]) == min(Decimal(row[3]) for row in traded)
    assert ticker["lastPrice"] == rows[-1][4]
    assert Decimal(ticker["volume"]) == sum(Decimal(row[5]) for row in rows)
    assert Decimal(ticker["quoteVolume"]) == sum(Decimal(row[7]) for row in rows)
    assert ticker["count"] == sum(row[8] for row in rows)


@pytest.mark.parametrize(
    ("size", "width"),
    [("1m", MINUTE_MS), ("59m", 59 * MINUTE_MS), ("23h", 23 * HOUR_MS), ("2d", 2 * DAY_MS)],
)
@pytest.mark.parametrize("symbol", ["BTCUSDT", "LTCBTC"])
def test_a_rolling_window_begins_on_a_minute(
    server: ExchangeServer, symbol: str, size: str, width: int
) -> None:
    ticker = _get(server, "ticker", symbol=symbol, windowSize=size)
    assert (ticker["openTime"], ticker["closeTime"]) == (_OPEN - width, NOON)
    _agrees(ticker, _rows(server, symbol, _OPEN - width, NOON))
    assert set(ticker) == _FULL
    change = Decimal(ticker["lastPrice"]) - Decimal(ticker["openPrice"])
    assert Decimal(ticker["priceChange"]) == change


def test_the_window_is_a_day_by_default(server: ExchangeServer) -> None:
    every = _get(server, "ticker", symbols='["BTCUSDT","ETHBTC"]')
    assert every == [
        _get(server, "ticker", symbol=symbol, windowSize="1d") for symbol in ("BTCUSDT", "ETHBTC")
    ]


@pytest.mark.parametrize(("zone", "begin"), [("0", 0), ("8", -8), ("-3", 3), ("13", 11)])
def test_a_trading_day_begins_in_its_time_zone(
    server: ExchangeServer, zone: str, begin: int
) -> None:
    start = _DAY + begin * HOUR_MS
    ticker = _get(server, "ticker/tradingDay", symbol="ETHUSDT", timeZone=zone)
    assert (ticker["openTime"], ticker["closeTime"]) == (start, start + DAY_MS - 1)
    _agrees(ticker, _rows(server, "ETHUSDT", start, NOON))
    assert set(ticker) == _FULL


@pytest.mark.parametrize("path", ["ticker/24hr", "ticker", "ticker/tradingDay"])
def test_the_short_form_has_a_subset_of_the_fields(server: ExchangeServer, path: str) -> None:
    full = _get(server, path, symbol="BTCUSDT", type="FULL")
    assert _get(server, path, symbol="BTCUSDT") == full
    mini = _get(server, path, symbol="BTCUSDT", type="MINI")
    assert list(mini) == _MINI
    assert mini == {name: full[name] for name in _MINI}
    assert set(full) == (_DAY_FULL if path == "ticker/24hr" else _FULL)
    assert _get(server, path, symbols='["BTCUSDT"]', type="MINI") == [mini]


def test_ids_and_the_last_quantity_are_those_of_the_trades(server: ExchangeServer) -> None:
    ticker = _get(server, "ticker/24hr", symbol="WAVESBTC")
    [last] = _get(server, "trades", symbol="WAVESBTC", limit=1)
    begin = _OPEN - DAY_MS + MINUTE_MS
    [first] = _get(server, "historicalTrades", symbol="WAVESBTC", fromId=begin * 1000, limit=1)
    assert (ticker["firstId"], ticker["lastId"]) == (first["id"], last["id"])
    assert ticker["lastQty"] == last["qty"]
    [before] = _rows(server, "WAVESBTC", begin - MINUTE_MS, begin - 1)
    assert ticker["prevClosePrice"] == before[4]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "WAVESBTC"])
def test_the_average_price_is_weighted_over_five_minutes(
    server: ExchangeServer, symbol: str
) -> None:
    response = _get(server, "avgPrice", symbol=symbol)
    rows = _rows(server, symbol, _OPEN - 4 * MINUTE_MS, NOON)
    assert len(rows) == 5
    volume, money = (sum(Decimal(row[n]) for row in rows) for n in (5, 7))
    [last] = _get(server, "trades", symbol=symbol, limit=1)
    expected = f"{money / volume:.8f}" if volume else last["price"]
    assert response == {"mins": 5, "price": expected, "closeTime": last["time"]}


def test_the_average_price_without_quote_volumes_is_the_last_price(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    minutes = [f"{_OPEN - n * MINUTE_MS},3,3,3,3,1" for n in (2, 1)]
    text = "\n".join(["open_time,open,high,low,close,volume", *minutes])
    (tmp_path / "ABCUSDT-1m.csv").write_text(text + "\n")
    server = simulated_exchange(data=tmp_path)
    assert _get(server, "avgPrice", symbol="ABCUSDT") == {
        "mins": 5,
        "price": "3.00000000",
        "closeTime": _OPEN - 1,
    }


@pytest.mark.parametrize(
    "path", ["ticker/price", "ticker/bookTicker", "ticker/24hr", "ticker", "ticker/tradingDay"]
)
def test_a_status_selects_symbols(simulated_exchange: StartExchange, path: str) -> None:
    ended = {"do": "delist", "symbol": "LTCBTC", "at": NOON - HOUR_MS}
    server = simulated_exchange(faults=[ended])
    both = '["LTCBTC","ETHBTC"]'

    def names(status: str) -> list[str]:
        return [one["symbol"] for one in _get(server, path, symbols=both, symbolStatus=status)]

    assert (names("TRADING"), names("BREAK"), names("HALT")) == (["ETHBTC"], ["LTCBTC"], [])
    one = _get(server, path, symbol="LTCBTC", symbolStatus="BREAK")
    assert one["symbol"] == "LTCBTC"
    assert _get(server, path, symbol="LTCBTC", symbolStatus="TRADING") == {
        "code": -1220,
        "msg": "The symbol's status does not match the requested symbolStatus.",
    }
    assert _get(server, path, symbol="LTCBTC", symbolStatus="OPEN") == {
        "code": -1122,
        "msg": "Invalid symbolStatus.",
    }
    if path in ("ticker/price", "ticker/bookTicker", "ticker/24hr"):
        every = [entry["symbol"] for entry in _get(server, path, symbolStatus="BREAK")]
        assert every == ["LTCBTC"]


def test_a_book_of_another_status_is_refused(server: ExchangeServer) -> None:
    assert _get(server, "depth", symbol="LTCBTC", symbolStatus="TRADING")["bids"]
    assert _get(server, "depth", symbol="LTCBTC", symbolStatus="HALT")["code"] == -1220


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        (
            "ticker",
            {},
            -1102,
            "Param 'symbol' or 'symbols' must be sent, but both were empty/null!",
        ),
        (
            "ticker/tradingDay",
            {"type": "MINI"},
            -1102,
            "Param 'symbol' or 'symbols' must be sent, but both were empty/null!",
        ),
        (
            "ticker/24hr",
            {"symbol": "BTCUSDT", "type": "SHORT"},
            -1139,
            "Invalid ticker type.",
        ),
        (
            "ticker/24hr",
            {"symbols": '["BTCUSDT","BTCUSDT"]'},
            -1151,
            "Symbol is present multiple times in the list.",
        ),
        *(
            (
                "ticker",
                {"symbol": "BTCUSDT", "windowSize": size},
                -1130,
                "Data sent for parameter 'windowSize' is not valid.",
            )
            for size in ("60m", "24h", "8d", "0m", "1d2h", "5", "1M")
        ),
        (
            "ticker/price",
            {"symbol": "BTCUSDT", "type": "MINI"},
            -1104,
            "Not all sent parameters were read; read '1' parameter(s) but was sent '2'.",
        ),
    ],
)
def test_invalid_requests_are_refused(
    server: ExchangeServer, path: str, query: dict[str, str], code: int, message: str
) -> None:
    assert _get(server, path, **query) == {"code": code, "msg": message}


def test_more_than_a_hundred_symbols_are_too_many_for_a_window(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    names = [f"A{n:03d}USDT" for n in range(101)]
    for name in names:
        text = f"open_time,open,high,low,close,volume\n{_OPEN - MINUTE_MS},1,1,1,1,1\n"
        (tmp_path / f"{name}-1m.csv").write_text(text)
    server = simulated_exchange(data=tmp_path)
    every, hundred = (
        str(list(part)).replace("'", '"').replace(" ", "") for part in (names, names[:100])
    )
    assert len(_get(server, "ticker", symbols=hundred)) == 100
    assert _get(server, "ticker", symbols=every)["code"] == -1101
    assert len(_get(server, "ticker/24hr", symbols=every, type="MINI")) == 101
