"""Generated trades: together they reproduce their candle."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from crypto_assets.exchange.simulated import GeneratedCandles
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.symbol_catalog import ListedSymbol
from crypto_assets.exchange.simulated.trades import CandleTrades, generate_trades
from crypto_assets.market.candles import Candle, candles_from_table
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window
from crypto_assets_tests.services.exchange import NOON, ExchangeServer, StartExchange

_OPEN = NOON // MINUTE_MS * MINUTE_MS
_SIX = "open_time,open,high,low,close,volume"


@pytest.fixture
def server(simulated_exchange: StartExchange) -> ExchangeServer:
    return simulated_exchange()


def _get(server: ExchangeServer, path: str, **query: Any) -> Any:
    query = {"symbol": "ETHUSDT", **query}
    return requests.get(f"{server.url}/api/v3/{path}", params=query, timeout=20).json()


def _candle(rows: Iterable[dict[str, Any]]) -> list[Any]:
    """Return open, high, low, close, volumes and count of some trades."""
    trades = [
        (Decimal(row["price"]), Decimal(row["qty"]), Decimal(row["quoteQty"]), row["isBuyerMaker"])
        for row in rows
    ]
    prices = [price for price, *_ in trades]
    return [
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(quantity for _, quantity, _, _ in trades),
        sum(money for _, _, money, _ in trades),
        len(trades),
        sum(quantity for _, quantity, _, maker in trades if not maker),
        sum(money for _, _, money, maker in trades if not maker),
    ]


def _of_row(row: list[Any]) -> list[Any]:
    return [*map(Decimal, row[1:6]), Decimal(row[7]), row[8], *map(Decimal, row[9:11])]


def _all_from(server: ExchangeServer, symbol: str, first: int, until: int) -> list[dict[str, Any]]:
    """Page through historicalTrades, as a client that remembers the last id."""
    found: list[dict[str, Any]] = []
    while page := _get(server, "historicalTrades", symbol=symbol, fromId=first, limit=1000):
        found += [trade for trade in page if trade["time"] < until]
        if found and page[-1]["time"] >= until:
            break
        first = page[-1]["id"] + 1
    return found


def test_the_trades_of_a_minute_reproduce_its_candle(server: ExchangeServer) -> None:
    start = _OPEN - 3 * MINUTE_MS
    rows = _get(server, "klines", interval="1m", startTime=start)
    trades = _all_from(server, "ETHUSDT", start * 1000, NOON)
    for row in rows:
        inside = [trade for trade in trades if row[0] <= trade["time"] <= row[6]]
        assert _candle(inside) == _of_row(row), row
    assert rows[-1][6] > NOON, "the open candle matches its trades too"
    ids = [trade["id"] for trade in trades]
    assert ids == sorted(set(ids))
    assert [trade["time"] for trade in trades] == sorted(trade["time"] for trade in trades)
    for trade in trades[:50]:
        assert Decimal(trade["quoteQty"]) == Decimal(trade["price"]) * Decimal(trade["qty"])


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SHIBUSDT", "LTCBTC", "WAVESBTC", "BTCTRY"])
def test_prices_and_volumes_of_any_market_agree(symbol: str) -> None:
    source = GeneratedCandles(7)
    window = Window(_OPEN - 6 * HOUR_MS, _OPEN)
    candles = candles_from_table(source.select_candles(symbol, KlineInterval.M1, window))
    listing = source.symbols[symbol]
    exact = counted = made = 0
    for candle in candles:
        trades = generate_trades(candle, listing, MINUTE_MS)
        if trades is None:
            assert not candle.volume
            continue
        assert _prices(trades) == [candle.open, candle.high, candle.low, candle.close]
        assert _volume(trades) == candle.volume
        assert _volume(trades.select(trades.bought)) == candle.taker_buy_volume
        assert int(trades.lots.min()) > 0
        assert candle.open_time <= trades.times[0] and trades.times[-1] == candle.close_time
        assert candle.trade_count <= len(trades) <= max(candle.trade_count, 4)
        made += 1
        exact += _money(trades) == candle.quote_volume
        counted += len(trades) == candle.trade_count
    assert made
    if symbol in ("BTCUSDT", "SHIBUSDT"):
        assert exact > 0.98 * made
        assert counted == made


def _prices(trades: CandleTrades) -> list[Decimal]:
    prices = [trades.get_price(index) for index in range(len(trades))]
    return [prices[0], max(prices), min(prices), prices[-1]]


def _volume(trades: CandleTrades) -> Decimal:
    return Decimal(int(trades.lots.sum())).scaleb(-trades.lot_digits)


def _money(trades: CandleTrades) -> Decimal:
    return Decimal(int(trades.money.sum())).scaleb(-trades.tick_digits - trades.lot_digits)


@pytest.mark.parametrize(
    ("values", "count", "expected"),
    [
        pytest.param("1 3 0.5 2 7", 0, 60, id="a count that is not stated"),
        pytest.param("1 3 0.5 2 7", 2, 4, id="too few for four prices"),
        pytest.param("0.5 3 0.5 3 7", 2, 2, id="two prices"),
        pytest.param("1 1 1 1 0.00000003", 500, 3, id="fewer units than trades"),
        pytest.param("2 2 2 2 7", 1, 1, id="one trade"),
    ],
)
def test_unusual_candles_get_the_trades_that_they_need(
    values: str, count: int, expected: int
) -> None:
    opened, high, low, close, volume = map(Decimal, values.split())
    nothing = Decimal(0)
    candle = Candle(0, opened, high, low, close, volume, 59_999, nothing, count, nothing, nothing)
    trades = generate_trades(candle, ListedSymbol("ABCUSDT", "ABC", "USDT", 1, 1), MINUTE_MS)
    assert trades is not None and len(trades) == expected
    assert _prices(trades) == [opened, high, low, close]
    assert _volume(trades) == volume


def test_recent_trades_are_the_last_ones(server: ExchangeServer) -> None:
    recent = _get(server, "trades", limit=1000)
    assert len(recent) == 1000
    assert _get(server, "trades", limit=7) == recent[-7:]
    assert _get(server, "historicalTrades", limit=7) == recent[-7:]
    assert len(_get(server, "trades")) == 500
    assert _get(server, "historicalTrades", fromId=recent[3]["id"], limit=2) == recent[3:5]
    assert recent[-1]["time"] < NOON
    assert _get(server, "ticker/price")["price"] == recent[-1]["price"]
    assert set(recent[0]) == {
        *("id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch")
    }


def test_aggregates_combine_the_same_trades(server: ExchangeServer) -> None:
    start, end = _OPEN - 2 * MINUTE_MS, _OPEN - MINUTE_MS - 1
    parts = _get(server, "aggTrades", startTime=start, endTime=end, limit=1000)
    while page := _get(server, "aggTrades", fromId=parts[-1]["a"] + 1, limit=1000):
        parts += [part for part in page if part["T"] <= end]
        if page[-1]["T"] > end:
            break
    trades = {trade["id"]: trade for trade in _all_from(server, "ETHUSDT", start * 1000, end + 1)}
    ids = sorted(trades)
    for part in parts:
        inside = [trades[one] for one in ids if part["f"] <= one <= part["l"]]
        assert sum(Decimal(trade["qty"]) for trade in inside) == Decimal(part["q"])
        assert {(t["price"], t["time"], t["isBuyerMaker"]) for t in inside} == {
            (part["p"], part["T"], part["m"])
        }
        assert part["M"] is True
    [row] = _get(server, "klines", interval="1m", startTime=start, endTime=end)
    assert sum(Decimal(part["q"]) for part in parts) == Decimal(row[5])
    assert _get(server, "aggTrades", endTime=end, limit=3) == parts[-3:]
    assert _get(server, "aggTrades", startTime=start, limit=3) == parts[:3]
    newest = _get(server, "aggTrades", limit=2)
    assert newest[-1]["T"] < NOON and len(newest) == 2


def test_trades_are_found_over_quiet_hours(server: ExchangeServer) -> None:
    """A symbol with a trade every minute or two: a page covers hours."""
    rows = _get(server, "trades", symbol="WAVESBTC", limit=900)
    assert len(rows) == 900
    assert rows[-1]["time"] - rows[0]["time"] > 10 * HOUR_MS
    assert (
        _get(server, "historicalTrades", symbol="WAVESBTC", fromId=rows[0]["id"], limit=900) == rows
    )


def test_there_are_no_trades_before_the_first_and_after_the_last(
    tmp_path: Path, simulated_exchange: StartExchange
) -> None:
    start = _OPEN - HOUR_MS
    minutes = [f"{start + n * MINUTE_MS},1,1,1,1,{n % 2}" for n in range(4)]
    (tmp_path / "ABCUSDT-1m.csv").write_text("\n".join([_SIX, *minutes]) + "\n")
    server = simulated_exchange(data=tmp_path)
    every = _get(server, "trades", symbol="ABCUSDT", limit=1000)
    assert sum(Decimal(trade["qty"]) for trade in every) == 2
    assert _get(server, "historicalTrades", symbol="ABCUSDT", fromId=every[-1]["id"] + 1) == []
    assert _get(server, "aggTrades", symbol="ABCUSDT", endTime=start) == []
    assert _get(server, "aggTrades", symbol="ABCUSDT", startTime=NOON) == []
    server.clock.set_time(start)
    assert _get(server, "trades", symbol="ABCUSDT") == []


def test_aggregates_take_an_id_or_times(server: ExchangeServer) -> None:
    response = _get(server, "aggTrades", fromId=1, startTime=_OPEN)
    assert response == {"code": -1128, "msg": "Combination of optional parameters invalid."}


def test_the_flaws_of_candles_do_not_change_trades(server: ExchangeServer) -> None:
    whole = _get(server, "trades", limit=3)
    server.faults.add_rule({"do": "spoil", "how": "nan"})
    assert _get(server, "trades", limit=3) == whole
