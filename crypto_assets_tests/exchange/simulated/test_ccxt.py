"""The public client library ccxt reads the simulated exchange."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

if TYPE_CHECKING:
    import ccxt


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


@pytest.fixture
def client(server: ExchangeServer) -> "Iterator[ccxt.binance]":
    """Uses the defaults: spot, linear and inverse markets, all from this server."""
    import ccxt  # half a second, which other tests need not wait for

    library = ccxt.binance()
    for name, address in library.urls["api"].items():
        if isinstance(address, str):
            library.urls["api"][name] = f"{server.url}{urlsplit(address).path}"
    yield library
    library.session.close()


def test_it_reads_the_markets(client: "ccxt.binance") -> None:
    markets = client.load_markets()
    market = markets["BTC/USDT"]
    assert (market["id"], market["base"], market["quote"]) == ("BTCUSDT", "BTC", "USDT")
    assert market["active"] is True
    assert Decimal(str(market["precision"]["price"])) == Decimal("0.01")
    assert Decimal(str(market["precision"]["amount"])) == Decimal("0.00001")
    assert markets["SHIB/USDT"]["precision"]["price"] == 1e-8
    assert len(markets) >= 30


def test_it_pages_through_candles(client: "ccxt.binance", server: ExchangeServer) -> None:
    since = begin = NOON - 30 * HOUR_MS
    pages: list[list[float]] = []
    while page := client.fetch_ohlcv("BTC/USDT", "1m", since=since, limit=700):
        pages += page
        since = page[-1][0] + 1
    opens = [row[0] for row in pages]
    first = -(-begin // MINUTE_MS) * MINUTE_MS
    assert opens == list(range(first, NOON, MINUTE_MS))
    truth = server.exchange.get_klines("BTCUSDT", Interval.M1, begin, None, 5000)
    assert [row[4] for row in pages] == [float(close) for close in truth["close"].to_pylist()]


def test_it_reads_the_newest_hours_the_open_one_included(client: "ccxt.binance") -> None:
    rows = client.fetch_ohlcv("ETH/USDT", "1h", limit=3)
    newest = NOON // HOUR_MS * HOUR_MS
    assert [row[0] for row in rows] == [newest - 2 * HOUR_MS, newest - HOUR_MS, newest]


def test_it_reads_the_order_book(client: "ccxt.binance") -> None:
    book = client.fetch_order_book("WAVES/BTC", limit=50)
    assert len(book["bids"]) == len(book["asks"]) == 50
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] > 0


def test_it_reads_tickers_and_the_time(client: "ccxt.binance") -> None:
    ticker = client.fetch_ticker("BTC/USDT")
    [candle] = client.fetch_ohlcv("BTC/USDT", "1m", limit=1)
    assert ticker["last"] == candle[4]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["bid"] < ticker["ask"]
    assert client.fetch_time() == NOON


def test_it_reads_trades_and_pages_by_time(client: "ccxt.binance") -> None:
    """The library requests the hour after `since`."""
    since = NOON - 6 * HOUR_MS
    trades = client.fetch_trades("WAVES/BTC", since=since, limit=1000)
    assert len(trades) > 10
    assert since <= trades[0]["timestamp"] <= trades[-1]["timestamp"] <= since + HOUR_MS
    busy = client.fetch_trades("BTC/USDT", since=NOON - 90_000, limit=1000)
    assert [len(busy), busy[0]["side"] in ("buy", "sell")] == [1000, True]
    ticker = client.fetch_ticker("WAVES/BTC")
    assert ticker["last"] == client.fetch_trades("WAVES/BTC", limit=1)[0]["price"]


def test_it_reads_months(client: "ccxt.binance") -> None:
    rows = client.fetch_ohlcv("ETH/USDT", "1M", limit=2)
    assert [client.iso8601(row[0]) for row in rows] == [
        "2025-02-01T00:00:00.000Z",
        "2025-03-01T00:00:00.000Z",
    ]


def test_it_translates_the_exchanges_errors(client: "ccxt.binance", server: ExchangeServer) -> None:
    import ccxt

    with pytest.raises(ccxt.BadSymbol):
        client.public_get_klines({"symbol": "NOPEUSDT", "interval": "1m"})
    with pytest.raises(ccxt.BadRequest):
        client.public_get_klines({"symbol": "BTCUSDT", "interval": "7m"})
    server.weights.limit = 0
    with pytest.raises(ccxt.DDoSProtection):
        client.public_get_ping()
