"""Price tickers, all from the minutes and trades that the exchange serves."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.order_book import SimulatedBook
from crypto_assets.exchange.simulated.recent_trades import take_newest_trades, take_oldest_trades
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


def build_price_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "price": _format_decimal(exchange.get_last_price(symbol))}


def build_book_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, **_format_best_levels(exchange.get_depth(symbol, 1))}


def build_average_price(exchange: SimulatedExchange, symbol: str, unit: TimeUnit) -> dict[str, Any]:
    """The mean price of the last five minutes, weighted by volume; the open minute counts.

    Without volume, or where the candles state no quote volume, it is the last price.
    """
    first = floor_ms(exchange.now_ms(), MINUTE_MS) - (AVERAGE_MINUTES - 1) * MINUTE_MS
    minutes = exchange.get_candles_since(symbol, first)
    volume, money = _sum_column(minutes, "volume"), _sum_column(minutes, "quote_volume")
    last = take_newest_trades(exchange.iterate_trades_back(symbol), 1)
    return {
        "mins": AVERAGE_MINUTES,
        "price": _format_decimal(
            money / volume if volume and money else exchange.get_last_price(symbol)
        ),
        "closeTime": unit.convert_ms(int(last[-1].times[-1])) if last else 0,
    }


def build_day_ticker(
    exchange: SimulatedExchange, symbol: str, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Statistics of the 24 hours up to now, from the minutes in them."""
    now = exchange.now_ms()
    found = _TickerStatistics(exchange, symbol, now - DAY_MS + 1)
    times = {"openTime": unit.convert_ms(now - DAY_MS), "closeTime": unit.convert_ms(now)}
    ticker = {**found.build_ticker(), **times}
    if mini:
        return _select_mini_fields(ticker)
    return {
        **ticker,
        "prevClosePrice": found.format_previous_close(),
        "lastQty": found.format_last_quantity(),
        **_format_best_levels(exchange.get_depth(symbol, 1)),
    }


def build_rolling_ticker(
    exchange: SimulatedExchange, symbol: str, width: int, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Statistics since the beginning of the minute that lies `width` ms before now."""
    now = exchange.now_ms()
    first = floor_ms(now, MINUTE_MS) - width
    times = {"openTime": unit.convert_ms(first), "closeTime": unit.convert_ms(now)}
    ticker = {**_TickerStatistics(exchange, symbol, first).build_ticker(), **times}
    return _select_mini_fields(ticker) if mini else ticker


def build_trading_day_ticker(
    exchange: SimulatedExchange, symbol: str, zone: int, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Statistics of the day under way by the clock of a time zone `zone` ms from UTC."""
    first = floor_ms(exchange.now_ms() + zone, DAY_MS) - zone
    times = {
        "openTime": unit.convert_ms(first),
        "closeTime": unit.convert_last_ms(first + DAY_MS - 1),
    }
    ticker = {**_TickerStatistics(exchange, symbol, first).build_ticker(), **times}
    return _select_mini_fields(ticker) if mini else ticker


def _select_mini_fields(ticker: dict[str, Any]) -> dict[str, Any]:
    return {name: ticker[name] for name in _MINI}


@dataclass(frozen=True)
class _TickerStatistics:
    """What the minutes that opened from `first` on say."""

    exchange: SimulatedExchange
    symbol: str
    first: int

    def build_ticker(self) -> dict[str, Any]:
        minutes = self.exchange.get_candles_since(self.symbol, self.first)
        traded = minutes.filter(pc.greater(minutes["volume"], 0))
        quoting = traded if traded.num_rows else minutes
        first, last = _pick_end_value(quoting, "open", 0), _pick_end_value(minutes, "close", -1)
        volume, money = _sum_column(minutes, "volume"), _sum_column(minutes, "quote_volume")
        first_id, last_id = self._find_trade_ids(traded)
        return {
            "symbol": self.symbol,
            "priceChange": _format_decimal(last - first),
            "priceChangePercent": f"{(last - first) / first * 100 if first else 0:.3f}",
            "weightedAvgPrice": _format_decimal(money / volume if volume else Decimal(0)),
            "openPrice": _format_decimal(first),
            "highPrice": _format_decimal(_aggregate_column(quoting, "high", pc.max)),
            "lowPrice": _format_decimal(_aggregate_column(quoting, "low", pc.min)),
            "lastPrice": _format_decimal(last),
            "volume": _format_decimal(volume),
            "quoteVolume": _format_decimal(money),
            "firstId": first_id,
            "lastId": last_id,
            "count": pc.sum(minutes["trade_count"]).as_py() or 0,
        }

    def format_previous_close(self) -> str:
        """The close before the window, or 0 where nothing lies before it."""
        return _format_decimal(self.exchange.get_last_price(self.symbol, self.first - 1))

    def format_last_quantity(self) -> str:
        last = take_newest_trades(self.exchange.iterate_trades_back(self.symbol), 1)
        inside = bool(last) and int(last[-1].times[-1]) >= self.first
        return _format_decimal(last[-1].get_quantity(-1)) if inside else _format_decimal(Decimal(0))

    def _find_trade_ids(self, traded: pa.Table) -> tuple[int, int]:
        """The ids of the first and of the last trade, both -1 where there is none."""
        if not traded.num_rows:
            return -1, -1
        begin = traded["open_time"][0].as_py()
        first = take_oldest_trades(self.exchange.iterate_trades_from(self.symbol, begin), 1)
        last = take_newest_trades(self.exchange.iterate_trades_back(self.symbol), 1)
        return int(first[-1].ids[0]), int(last[-1].ids[-1])


def _format_best_levels(book: SimulatedBook) -> dict[str, str]:
    bid, ask = (book.bids or [_NOTHING])[0], (book.asks or [_NOTHING])[0]
    return {"bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}


def _pick_end_value(minutes: pa.Table, column: str, row: int) -> Decimal:
    return minutes[column][row].as_py() if minutes.num_rows else Decimal(0)


def _sum_column(minutes: pa.Table, column: str) -> Decimal:
    return pc.sum(minutes[column]).as_py() or Decimal(0)


def _aggregate_column(minutes: pa.Table, column: str, which: Any) -> Decimal:
    return which(minutes[column]).as_py() or Decimal(0)


def _format_decimal(value: Decimal) -> str:
    return f"{value:.8f}"
