"""The market data endpoints: the weight and the response body of each path.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from crypto_assets.exchange.simulated.candle_text import convert_to_microseconds, format_json_rows
from crypto_assets.exchange.simulated.error_responses import (
    invalid_symbol_error,
    missing_one_of_error,
    parameter_combination_error,
    symbol_status_mismatch_error,
    too_many_parameters_error,
)
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.exchange_info import build_exchange_info, has_permission
from crypto_assets.exchange.simulated.recent_trades import (
    build_aggregate_rows,
    build_trade_rows,
    take_newest_trades,
    take_oldest_trades,
)
from crypto_assets.exchange.simulated.request_parameters import RequestParameters
from crypto_assets.exchange.simulated.tickers import (
    build_average_price,
    build_book_ticker,
    build_day_ticker,
    build_price_ticker,
    build_rolling_ticker,
    build_trading_day_ticker,
)
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.exchange.simulated.trades import IDS_PER_MS, CandleTrades
from crypto_assets.market.symbols import SymbolStatus

QueryParameters = Mapping[str, str]
TickerBuilder = Callable[[str], dict[str, Any]]

_MAX_SYMBOLS = 100  # per request of a ticker with a window


@dataclass(frozen=True)
class MarketEndpoint:
    """`build_body` returns the response body or raises ErrorResponse."""

    build_body: Callable[[SimulatedExchange, RequestParameters], bytes]
    compute_weight: Callable[[QueryParameters], int]


def _serve_ping(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    query.reject_unread()
    return b"{}"


def _serve_time(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    query.reject_unread()
    return orjson.dumps({"serverTime": query.unit.convert_ms(exchange.now_ms())})


def _serve_exchange_info(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    names = _read_named_symbols(exchange, query)
    status, permissions = query.read_status(), query.read_permissions()
    shows_sets = query.read_choice("showPermissionSets", ("true", "false")) == "true"
    query.reject_unread()
    if names is not None and (status or permissions):
        raise parameter_combination_error()
    listings = [
        (listing, exchange.get_symbol_status(listing.symbol))
        for listing in exchange.list_symbols()
        if (names is None or listing.symbol in names) and has_permission(permissions)
    ]
    if status:
        listings = [entry for entry in listings if entry[1] is status]
    now = query.unit.convert_ms(exchange.now_ms())
    return orjson.dumps(build_exchange_info(now, exchange.weights.limit, listings, shows_sets))


def _read_named_symbols(exchange: SimulatedExchange, query: RequestParameters) -> list[str] | None:
    """Return the symbols of `symbol` or `symbols`, or None if neither is sent.

    Raises ErrorResponse for an unknown symbol.
    """
    if query.has_value("symbol") and query.has_value("symbols"):
        raise parameter_combination_error()
    if query.has_value("symbol"):
        return [_require_known_symbol(exchange, query.read_symbol())]
    if query.has_value("symbols"):
        return [_require_known_symbol(exchange, name) for name in query.read_symbols()]
    return None


def _require_known_symbol(exchange: SimulatedExchange, symbol: str) -> str:
    if exchange.find_symbol(symbol) is None:
        raise invalid_symbol_error()
    return symbol


def _serve_klines(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    symbol, interval = query.read_symbol(), query.read_interval()
    start, end = query.read_time("startTime"), query.read_time("endTime")
    limit, zone = query.read_limit(500, 1000), query.read_time_zone()
    query.reject_unread()
    candles = exchange.get_klines(
        _require_known_symbol(exchange, symbol), interval, start, end, limit, zone
    )
    return format_json_rows(
        convert_to_microseconds(candles) if query.unit is TimeUnit.MICROSECOND else candles
    )


def _serve_depth(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    symbol, limit, status = query.read_symbol(), query.read_limit(100, 5000), query.read_status()
    query.reject_unread()
    _require_symbol_status(exchange, _require_known_symbol(exchange, symbol), status)
    book = exchange.get_depth(symbol, limit)
    return orjson.dumps({"lastUpdateId": book.last_update_id, "bids": book.bids, "asks": book.asks})


def _require_symbol_status(
    exchange: SimulatedExchange, symbol: str, status: SymbolStatus | None
) -> None:
    if status and exchange.get_symbol_status(symbol) is not status:
        raise symbol_status_mismatch_error()


def _depth_weight(query: QueryParameters) -> int:
    text = query.get("limit", "")
    limit = int(text) if text.isdecimal() and len(text) < 20 else 100
    return next(
        (weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250
    )


def _serve_trades(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    symbol, limit = query.read_symbol(), query.read_limit(500, 1000)
    query.reject_unread()
    parts = take_newest_trades(
        exchange.iterate_trades_back(_require_known_symbol(exchange, symbol)), limit
    )
    return orjson.dumps(build_trade_rows(parts, query.unit))


def _serve_historical_trades(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    symbol, limit, first = (
        query.read_symbol(),
        query.read_limit(500, 1000),
        query.read_number("fromId"),
    )
    query.reject_unread()
    _require_known_symbol(exchange, symbol)
    if first is None:
        parts = take_newest_trades(exchange.iterate_trades_back(symbol), limit)
    else:
        found = exchange.iterate_trades_from(symbol, first // IDS_PER_MS)
        parts = take_oldest_trades((part.select(part.ids >= first) for part in found), limit)
    return orjson.dumps(build_trade_rows(parts, query.unit))


def _serve_aggregate_trades(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    symbol, limit, first = (
        query.read_symbol(),
        query.read_limit(500, 1000),
        query.read_number("fromId"),
    )
    start, end = query.read_time("startTime"), query.read_time("endTime")
    query.reject_unread()
    _require_known_symbol(exchange, symbol)
    if first is not None and (start is not None or end is not None):
        raise parameter_combination_error()
    if first is None and start is None:
        parts = take_newest_trades(
            (p.aggregate_neighbors() for p in exchange.iterate_trades_back(symbol, end)), limit
        )
    else:
        begin = start if start is not None else (first or 0) // IDS_PER_MS
        parts = take_oldest_trades(
            _iterate_aggregates(exchange, symbol, begin, first or 0, end), limit
        )
    return orjson.dumps(build_aggregate_rows(parts, query.unit))


def _iterate_aggregates(
    exchange: SimulatedExchange, symbol: str, start: int, first: int, end: int | None
) -> Iterator[CandleTrades]:
    """Yield aggregate trades from a time and an id on, up to `end` (inclusive)."""
    for part in exchange.iterate_trades_from(symbol, start):
        if end is not None and len(part) and part.times[0] > end:
            return
        whole = (part if end is None else part.select_before(end + 1)).aggregate_neighbors()
        yield whole.select(whole.ids >= first)


def _serve_average_price(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    symbol = query.read_symbol()
    query.reject_unread()
    return orjson.dumps(
        build_average_price(exchange, _require_known_symbol(exchange, symbol), query.unit)
    )


def _serve_price_ticker(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    return _serve_tickers(exchange, query, lambda symbol: build_price_ticker(exchange, symbol))


def _serve_book_ticker(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    return _serve_tickers(exchange, query, lambda symbol: build_book_ticker(exchange, symbol))


def _serve_day_ticker(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    mini = query.is_mini()
    return _serve_tickers(
        exchange, query, lambda symbol: build_day_ticker(exchange, symbol, query.unit, mini)
    )


def _serve_rolling_ticker(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    width, mini = query.read_window_ms(), query.is_mini()
    return _serve_tickers(
        exchange,
        query,
        lambda symbol: build_rolling_ticker(exchange, symbol, width, query.unit, mini),
        named=True,
    )


def _serve_trading_day_ticker(exchange: SimulatedExchange, query: RequestParameters) -> bytes:
    zone, mini = query.read_time_zone(), query.is_mini()
    return _serve_tickers(
        exchange,
        query,
        lambda symbol: build_trading_day_ticker(exchange, symbol, zone, query.unit, mini),
        named=True,
    )


def _serve_tickers(
    exchange: SimulatedExchange,
    query: RequestParameters,
    build_ticker: TickerBuilder,
    named: bool = False,
) -> bytes:
    """Return an object for `symbol`, a list for `symbols`, and all symbols for neither.

    With `named`, one of the two is required.
    """
    is_single = query.has_value("symbol")
    names = _read_named_symbols(exchange, query)
    status = query.read_status()
    query.reject_unread()
    if names is None:
        if named:
            raise missing_one_of_error("symbol", "symbols")
        names = [listing.symbol for listing in exchange.list_symbols()]
    if named and len(names) > _MAX_SYMBOLS:
        raise too_many_parameters_error(_MAX_SYMBOLS, len(names))
    if is_single:
        _require_symbol_status(exchange, names[0], status)
    elif status:
        names = [name for name in names if exchange.get_symbol_status(name) is status]
    tickers = [build_ticker(name) for name in names]
    return orjson.dumps(tickers[0] if is_single else tickers)


def _fixed_weight(weight: int) -> Callable[[QueryParameters], int]:
    return lambda query: weight


def _single_or_all_weight(one: int, more: int) -> Callable[[QueryParameters], int]:
    return lambda query: one if query.get("symbol") else more


def _count_named_symbols(query: QueryParameters) -> int:
    """Return how many symbols a request names."""
    return 1 if query.get("symbol") else query.get("symbols", "").count('"') // 2


def _day_weight(query: QueryParameters) -> int:
    count = _count_named_symbols(query)
    if not count or count > 100:
        return 80
    return 2 if count <= 20 else 40


def _window_weight(query: QueryParameters) -> int:
    """Return 4 per symbol, at most 200."""
    return min(max(4 * _count_named_symbols(query), 4), 200)


ENDPOINTS: dict[str, MarketEndpoint] = {
    "/api/v3/ping": MarketEndpoint(_serve_ping, _fixed_weight(1)),
    "/api/v3/time": MarketEndpoint(_serve_time, _fixed_weight(1)),
    "/api/v3/exchangeInfo": MarketEndpoint(_serve_exchange_info, _fixed_weight(20)),
    "/api/v3/klines": MarketEndpoint(_serve_klines, _fixed_weight(2)),
    "/api/v3/uiKlines": MarketEndpoint(_serve_klines, _fixed_weight(2)),
    "/api/v3/depth": MarketEndpoint(_serve_depth, _depth_weight),
    "/api/v3/trades": MarketEndpoint(_serve_trades, _fixed_weight(25)),
    "/api/v3/historicalTrades": MarketEndpoint(_serve_historical_trades, _fixed_weight(25)),
    "/api/v3/aggTrades": MarketEndpoint(_serve_aggregate_trades, _fixed_weight(4)),
    "/api/v3/avgPrice": MarketEndpoint(_serve_average_price, _fixed_weight(2)),
    "/api/v3/ticker/price": MarketEndpoint(_serve_price_ticker, _single_or_all_weight(2, 4)),
    "/api/v3/ticker/bookTicker": MarketEndpoint(_serve_book_ticker, _single_or_all_weight(2, 4)),
    "/api/v3/ticker/24hr": MarketEndpoint(_serve_day_ticker, _day_weight),
    "/api/v3/ticker/tradingDay": MarketEndpoint(_serve_trading_day_ticker, _window_weight),
    "/api/v3/ticker": MarketEndpoint(_serve_rolling_ticker, _window_weight),
}
