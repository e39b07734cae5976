"""Price tickers, all from the minutes and trades that the exchange serves."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.order_book import Book
from crypto_assets.exchange.simulated.recent_trades import newest, oldest
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, floor_ms

AVERAGE_MINUTES = 5

_NOTHING = ("0.00000000", "0.00000000")
_MINI = (
    "symbol",
    "openPrice",
    "highPrice",
    "lowPrice",
    "lastPrice",
    "volume",
    "quoteVolume",
    "openTime",
    "closeTime",
    "firstId",
    "lastId",
    "count",
)


def price_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "price": _text(exchange.last_price(symbol))}


def book_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, **_best(exchange.depth(symbol, 1))}


def average_price(exchange: SimulatedExchange, symbol: str, unit: TimeUnit) -> dict[str, Any]:
    """The mean price of the last five minutes, weighted by volume; the open minute counts.

    Without volume, or where the candles state no quote volume, it is the last price.
    """
    first = floor_ms(exchange.now_ms(), MINUTE_MS) - (AVERAGE_MINUTES - 1) * MINUTE_MS
    minutes = exchange.candles_since(symbol, first)
    volume, money = _sum(minutes, "volume"), _sum(minutes, "quote_volume")
    last = newest(exchange.trades_back(symbol), 1)
    return {
        "mins": AVERAGE_MINUTES,
        "price": _text(money / volume if volume and money else exchange.last_price(symbol)),
        "closeTime": unit.instant(int(last[-1].times[-1])) if last else 0,
    }


def day_ticker(
    exchange: SimulatedExchange, symbol: str, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Statistics of the 24 hours up to now, from the minutes in them."""
    now = exchange.now_ms()
    found = _Statistics(exchange, symbol, now - DAY_MS + 1)
    times = {"openTime": unit.instant(now - DAY_MS), "closeTime": unit.instant(now)}
    ticker = {**found.ticker(), **times}
    if mini:
        return _mini(ticker)
    return {
        **ticker,
        "prevClosePrice": found.previous_close(),
        "lastQty": found.last_quantity(),
        **_best(exchange.depth(symbol, 1)),
    }


def rolling_ticker(
    exchange: SimulatedExchange, symbol: str, width: int, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Statistics since the beginning of the minute that lies `width` ms before now."""
    now = exchange.now_ms()
    first = floor_ms(now, MINUTE_MS) - width
    times = {"openTime": unit.instant(first), "closeTime": unit.instant(now)}
    ticker = {**_Statistics(exchange, symbol, first).ticker(), **times}
    return _mini(ticker) if mini else ticker


def trading_day_ticker(
    exchange: SimulatedExchange, symbol: str, zone: int, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Statistics of the day under way by the clock of a time zone `zone` ms from UTC."""
    first = floor_ms(exchange.now_ms() + zone, DAY_MS) - zone
    times = {
        "openTime": unit.instant(first),
        "closeTime": unit.last_instant(first + DAY_MS - 1),
    }
    ticker = {**_Statistics(exchange, symbol, first).ticker(), **times}
    return _mini(ticker) if mini else ticker


def _mini(ticker: dict[str, Any]) -> dict[str, Any]:
    return {name: ticker[name] for name in _MINI}


@dataclass(frozen=True)
class _Statistics:
    """What the minutes that opened from `first` on say."""

    exchange: SimulatedExchange
    symbol: str
    first: int

    def ticker(self) -> dict[str, Any]:
        minutes = self.exchange.candles_since(self.symbol, self.first)
        traded = minutes.filter(pc.greater(minutes["volume"], 0))
        quoting = traded if traded.num_rows else minutes
        first, last = _end(quoting, "open", 0), _end(minutes, "close", -1)
        volume, money = _sum(minutes, "volume"), _sum(minutes, "quote_volume")
        first_id, last_id = self._ids(traded)
        return {
            "symbol": self.symbol,
            "priceChange": _text(last - first),
            "priceChangePercent": f"{(last - first) / first * 100 if first else 0:.3f}",
            "weightedAvgPrice": _text(money / volume if volume else Decimal(0)),
            "openPrice": _text(first),
            "highPrice": _text(_peak(quoting, "high", pc.max)),
            "lowPrice": _text(_peak(quoting, "low", pc.min)),
            "lastPrice": _text(last),
            "volume": _text(volume),
            "quoteVolume": _text(money),
            "firstId": first_id,
            "lastId": last_id,
            "count": pc.sum(minutes["trade_count"]).as_py() or 0,
        }

    def previous_close(self) -> str:
        """The close before the window, or 0 where nothing lies before it."""
        return _text(self.exchange.last_price(self.symbol, self.first - 1))

    def last_quantity(self) -> str:
        last = newest(self.exchange.trades_back(self.symbol), 1)
        inside = bool(last) and int(last[-1].times[-1]) >= self.first
        return _text(last[-1].quantity(-1)) if inside else _text(Decimal(0))

    def _ids(self, traded: pa.Table) -> tuple[int, int]:
        """The ids of the first and of the last trade, both -1 where there is none."""
        if not traded.num_rows:
            return -1, -1
        begin = traded["open_time"][0].as_py()
        first = oldest(self.exchange.trades_from(self.symbol, begin), 1)
        last = newest(self.exchange.trades_back(self.symbol), 1)
        return int(first[-1].ids[0]), int(last[-1].ids[-1])


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
