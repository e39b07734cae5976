"""Price tickers: the last price, the best of the book, and the statistics of 24 hours."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.book import Book
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.market.clock import DAY_MS

_NOTHING = ("0.00000000", "0.00000000")


def price_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "price": _text(exchange.last_price(symbol))}


def book_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, **_best(exchange.depth(symbol, 1))}


def day_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    """Statistics of the 24 hours up to now, from the minutes in them."""
    now = exchange.now_ms()
    minutes = exchange.last_day(symbol)
    traded = minutes.filter(pc.greater(minutes["volume"], 0))
    quoting = traded if traded.num_rows else minutes
    first, last = _end(quoting, "open", 0), _end(minutes, "close", -1)
    volume, money = _sum(minutes, "volume"), _sum(minutes, "quote_volume")
    count = pc.sum(minutes["trade_count"]).as_py() or 0
    return {
        "symbol": symbol,
        "priceChange": _text(last - first),
        "priceChangePercent": f"{(last - first) / first * 100 if first else 0:.3f}",
        "weightedAvgPrice": _text(money / volume if volume else Decimal(0)),
        "prevClosePrice": _text(first),
        "lastPrice": _text(last),
        "lastQty": _text(_end(traded, "volume", -1) / max(count, 1)),
        **_best(exchange.depth(symbol, 1)),
        "openPrice": _text(first),
        "highPrice": _text(_peak(quoting, "high", pc.max)),
        "lowPrice": _text(_peak(quoting, "low", pc.min)),
        "volume": _text(volume),
        "quoteVolume": _text(money),
        "openTime": now - DAY_MS,
        "closeTime": now,
        "firstId": 1 if count else -1,
        "lastId": count or -1,
        "count": count,
    }


def _best(book: Book) -> dict[str, str]:
    bid, ask = (book.bids or [_NOTHING])[0], (book.asks or [_NOTHING])[0]
    return {"bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}


def _end(minutes: pa.Table, column: str, row: int) -> Decimal:
    return minutes[column][row].as_py() if minutes.num_rows else Decimal(0)


def _sum(minutes: pa.Table, column: str) -> Decimal:
    return pc.sum(minutes[column]).as_py() or Decimal(0)


def _peak(minutes: pa.Table, column: str, which: Any) -> Decimal:
    return which(minutes[column]).as_py() or Decimal(0)


def _text(value: Decimal) -> str:
    return f"{value:.8f}"
