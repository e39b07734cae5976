"""The market-data routes: for each path its weight and its answer.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from crypto_assets.exchange.simulated.candle_text import in_micro, rows_json
from crypto_assets.exchange.simulated.error_responses import (
    invalid_symbol,
    neither,
    not_both,
    other_status,
    too_many,
)
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.exchange_info import exchange_info, has_permission
from crypto_assets.exchange.simulated.recent_trades import (
    aggregate_rows,
    newest,
    oldest,
    trade_rows,
)
from crypto_assets.exchange.simulated.request_parameters import Parameters
from crypto_assets.exchange.simulated.tickers import (
    average_price,
    book_ticker,
    day_ticker,
    price_ticker,
    rolling_ticker,
    trading_day_ticker,
)
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.exchange.simulated.trades import IDS_PER_MS, Trades
from crypto_assets.market.symbols import SymbolStatus

Query = Mapping[str, str]
Ticker = Callable[[str], dict[str, Any]]

_MOST_SYMBOLS = 100  # in one request of a ticker over a window


@dataclass(frozen=True)
class Endpoint:
    """`answer` gives the body or raises Refusal; `weight` is what the request costs."""

    answer: Callable[[SimulatedExchange, Parameters], bytes]
    weight: Callable[[Query], int]


def _ping(exchange: SimulatedExchange, query: Parameters) -> bytes:
    query.done()
    return b"{}"


def _time(exchange: SimulatedExchange, query: Parameters) -> bytes:
    query.done()
    return orjson.dumps({"serverTime": query.unit.instant(exchange.now_ms())})


def _exchange_info(exchange: SimulatedExchange, query: Parameters) -> bytes:
    names = _named(exchange, query)
    status, permissions = query.status(), query.permissions()
    shows_sets = query.choice("showPermissionSets", ("true", "false")) == "true"
    query.done()
    if names is not None and (status or permissions):
        raise not_both()
    chosen = [
        (listing, exchange.status(listing.symbol))
        for listing in exchange.listings()
        if (names is None or listing.symbol in names) and has_permission(permissions)
    ]
    if status:
        chosen = [entry for entry in chosen if entry[1] is status]
    now = query.unit.instant(exchange.now_ms())
    return orjson.dumps(exchange_info(now, exchange.weights.limit, chosen, shows_sets))


def _named(exchange: SimulatedExchange, query: Parameters) -> list[str] | None:
    """The symbols that `symbol` or `symbols` names, all of them known; None where neither is."""
    if query.has("symbol") and query.has("symbols"):
        raise not_both()
    if query.has("symbol"):
        return [_known(exchange, query.symbol())]
    if query.has("symbols"):
        return [_known(exchange, name) for name in query.symbols()]
    return None


def _known(exchange: SimulatedExchange, symbol: str) -> str:
    if exchange.listing(symbol) is None:
        raise invalid_symbol()
    return symbol


def _klines(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol, interval = query.symbol(), query.interval()
    start, end = query.time("startTime"), query.time("endTime")
    limit, zone = query.limit(500, 1000), query.time_zone()
    query.done()
    candles = exchange.klines(_known(exchange, symbol), interval, start, end, limit, zone)
    return rows_json(in_micro(candles) if query.unit is TimeUnit.MICROSECOND else candles)


def _depth(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol, limit, status = query.symbol(), query.limit(100, 5000), query.status()
    query.done()
    _of_status(exchange, _known(exchange, symbol), status)
    book = exchange.depth(symbol, limit)
    return orjson.dumps({"lastUpdateId": book.last_update_id, "bids": book.bids, "asks": book.asks})


def _of_status(exchange: SimulatedExchange, symbol: str, status: SymbolStatus | None) -> None:
    if status and exchange.status(symbol) is not status:
        raise other_status()


def _depth_weight(query: Query) -> int:
    text = query.get("limit", "")
    limit = int(text) if text.isdecimal() and len(text) < 20 else 100
    return next(
        (weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250
    )


def _trades(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol, limit = query.symbol(), query.limit(500, 1000)
    query.done()
    parts = newest(exchange.trades_back(_known(exchange, symbol)), limit)
    return orjson.dumps(trade_rows(parts, query.unit))


def _historical_trades(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol, limit, first = query.symbol(), query.limit(500, 1000), query.number("fromId")
    query.done()
    _known(exchange, symbol)
    if first is None:
        parts = newest(exchange.trades_back(symbol), limit)
    else:
        found = exchange.trades_from(symbol, first // IDS_PER_MS)
        parts = oldest((part.select(part.ids >= first) for part in found), limit)
    return orjson.dumps(trade_rows(parts, query.unit))


def _aggregate_trades(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol, limit, first = query.symbol(), query.limit(500, 1000), query.number("fromId")
    start, end = query.time("startTime"), query.time("endTime")
    query.done()
    _known(exchange, symbol)
    if first is not None and (start is not None or end is not None):
        raise not_both()
    if first is None and start is None:
        parts = newest((p.aggregated() for p in exchange.trades_back(symbol, end)), limit)
    else:
        begin = start if start is not None else (first or 0) // IDS_PER_MS
        parts = oldest(_aggregates(exchange, symbol, begin, first or 0, end), limit)
    return orjson.dumps(aggregate_rows(parts, query.unit))


def _aggregates(
    exchange: SimulatedExchange, symbol: str, start: int, first: int, end: int | None
) -> Iterator[Trades]:
    """Yield aggregate trades from an instant and an id on, up to `end` (inclusive)."""
    for part in exchange.trades_from(symbol, start):
        if end is not None and len(part) and part.times[0] > end:
            return
        whole = (part if end is None else part.seen(end + 1)).aggregated()
        yield whole.select(whole.ids >= first)


def _average_price(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol = query.symbol()
    query.done()
    return orjson.dumps(average_price(exchange, _known(exchange, symbol), query.unit))


def _price(exchange: SimulatedExchange, query: Parameters) -> bytes:
    return _tickers(exchange, query, lambda symbol: price_ticker(exchange, symbol))


def _book(exchange: SimulatedExchange, query: Parameters) -> bytes:
    return _tickers(exchange, query, lambda symbol: book_ticker(exchange, symbol))


def _day(exchange: SimulatedExchange, query: Parameters) -> bytes:
    mini = query.is_mini()
    return _tickers(exchange, query, lambda symbol: day_ticker(exchange, symbol, query.unit, mini))


def _rolling(exchange: SimulatedExchange, query: Parameters) -> bytes:
    width, mini = query.window_ms(), query.is_mini()
    return _tickers(
        exchange,
        query,
        lambda symbol: rolling_ticker(exchange, symbol, width, query.unit, mini),
        named=True,
    )


def _trading_day(exchange: SimulatedExchange, query: Parameters) -> bytes:
    zone, mini = query.time_zone(), query.is_mini()
    return _tickers(
        exchange,
        query,
        lambda symbol: trading_day_ticker(exchange, symbol, zone, query.unit, mini),
        named=True,
    )


def _tickers(
    exchange: SimulatedExchange, query: Parameters, ticker: Ticker, named: bool = False
) -> bytes:
    """One object for `symbol`, a list for `symbols`, and for all symbols unless `named`."""
    one = query.has("symbol")
    names = _named(exchange, query)
    status = query.status()
    query.done()
    if names is None:
        if named:
            raise neither("symbol", "symbols")
        names = [listing.symbol for listing in exchange.listings()]
    if named and len(names) > _MOST_SYMBOLS:
        raise too_many(_MOST_SYMBOLS, len(names))
    if one:
        _of_status(exchange, names[0], status)
    elif status:
        names = [name for name in names if exchange.status(name) is status]
    answers = [ticker(name) for name in names]
    return orjson.dumps(answers[0] if one else answers)


def _fixed(weight: int) -> Callable[[Query], int]:
    return lambda query: weight


def _one_or_more(one: int, more: int) -> Callable[[Query], int]:
    return lambda query: one if query.get("symbol") else more


def _count(query: Query) -> int:
    """How many symbols a request names; 0 where it names none."""
    return 1 if query.get("symbol") else query.get("symbols", "").count('"') // 2


def _day_weight(query: Query) -> int:
    count = _count(query)
    if not count or count > 100:
        return 80
    return 2 if count <= 20 else 40


def _window_weight(query: Query) -> int:
    """4 for each symbol, 200 at most."""
    return min(max(4 * _count(query), 4), 200)


ENDPOINTS: dict[str, Endpoint] = {
    "/api/v3/ping": Endpoint(_ping, _fixed(1)),
    "/api/v3/time": Endpoint(_time, _fixed(1)),
    "/api/v3/exchangeInfo": Endpoint(_exchange_info, _fixed(20)),
    "/api/v3/klines": Endpoint(_klines, _fixed(2)),
    "/api/v3/uiKlines": Endpoint(_klines, _fixed(2)),
    "/api/v3/depth": Endpoint(_depth, _depth_weight),
    "/api/v3/trades": Endpoint(_trades, _fixed(25)),
    "/api/v3/historicalTrades": Endpoint(_historical_trades, _fixed(25)),
    "/api/v3/aggTrades": Endpoint(_aggregate_trades, _fixed(4)),
    "/api/v3/avgPrice": Endpoint(_average_price, _fixed(2)),
    "/api/v3/ticker/price": Endpoint(_price, _one_or_more(2, 4)),
    "/api/v3/ticker/bookTicker": Endpoint(_book, _one_or_more(2, 4)),
    "/api/v3/ticker/24hr": Endpoint(_day, _day_weight),
    "/api/v3/ticker/tradingDay": Endpoint(_trading_day, _window_weight),
    "/api/v3/ticker": Endpoint(_rolling, _window_weight),
}
