"""The market-data routes: for each path its weight and its answer.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.exchange_info import exchange_info
from crypto_assets.exchange.simulated.parameters import Parameters
from crypto_assets.exchange.simulated.refusals import invalid_symbol, not_both
from crypto_assets.exchange.simulated.tickers import book_ticker, day_ticker, price_ticker
from crypto_assets.exchange.simulated.wire import rows_json
from crypto_assets.market.symbols import SymbolStatus

Query = Mapping[str, str]
Ticker = Callable[[SimulatedExchange, str], dict[str, Any]]


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
    return orjson.dumps({"serverTime": exchange.now_ms()})


def _exchange_info(exchange: SimulatedExchange, query: Parameters) -> bytes:
    names = _named(exchange, query)
    status = query.choice("symbolStatus", ("", *SymbolStatus))
    query.choice("showPermissionSets", ("true", "false"))
    query.done()
    listed = [
        (listing, exchange.status(listing.symbol))
        for listing in exchange.listings()
        if names is None or listing.symbol in names
    ]
    chosen = [entry for entry in listed if status in ("", entry[1])]
    return orjson.dumps(exchange_info(exchange.now_ms(), exchange.weights.limit, chosen))


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
    limit = query.limit(500, 1000)
    query.choice("timeZone", ("0", "0:00", "00:00", "+00:00"))
    query.done()
    return rows_json(exchange.klines(_known(exchange, symbol), interval, start, end, limit))


def _depth(exchange: SimulatedExchange, query: Parameters) -> bytes:
    symbol, limit = query.symbol(), query.limit(100, 5000)
    query.done()
    book = exchange.depth(_known(exchange, symbol), limit)
    return orjson.dumps({"lastUpdateId": book.last_update_id, "bids": book.bids, "asks": book.asks})


def _depth_weight(query: Query) -> int:
    text = query.get("limit", "")
    limit = int(text) if text.isdecimal() and len(text) < 20 else 100
    return next(
        (weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250
    )


def _ticker(ticker: Ticker) -> Callable[[SimulatedExchange, Parameters], bytes]:
    """An answer of one object for `symbol`, of a list for `symbols` or for all."""

    def answer(exchange: SimulatedExchange, query: Parameters) -> bytes:
        one = query.has("symbol")
        names = _named(exchange, query)
        query.choice("type", ("FULL",))
        query.done()
        if names is None:
            names = [listing.symbol for listing in exchange.listings()]
        answers = [ticker(exchange, name) for name in names]
        return orjson.dumps(answers[0] if one else answers)

    return answer


def _ticker_weight(one: int, every: int) -> Callable[[Query], int]:
    return lambda query: one if query.get("symbol") else every


ENDPOINTS: dict[str, Endpoint] = {
    "/api/v3/ping": Endpoint(_ping, lambda query: 1),
    "/api/v3/time": Endpoint(_time, lambda query: 1),
    "/api/v3/exchangeInfo": Endpoint(_exchange_info, lambda query: 20),
    "/api/v3/klines": Endpoint(_klines, lambda query: 2),
    "/api/v3/depth": Endpoint(_depth, _depth_weight),
    "/api/v3/ticker/price": Endpoint(_ticker(price_ticker), _ticker_weight(2, 4)),
    "/api/v3/ticker/bookTicker": Endpoint(_ticker(book_ticker), _ticker_weight(2, 4)),
    "/api/v3/ticker/24hr": Endpoint(_ticker(day_ticker), _ticker_weight(2, 80)),
}
