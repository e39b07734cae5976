"""Price tickers, computed from the minutes and trades that the exchange serves."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.exchange.simulated.decimals import format_decimal
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.order_book import SimulatedBook
from crypto_assets.exchange.simulated.recent_trades import take_newest_trades, take_oldest_trades
from crypto_assets.exchange.simulated.time_unit import TimeUnit
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, floor_ms

AVERAGE_MINUTES = 5

_EMPTY_LEVEL = ("0.00000000", "0.00000000")
_MINI_FIELDS = (
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
    return {"symbol": symbol, "price": format_decimal(exchange.get_last_price(symbol))}


def build_book_ticker(exchange: SimulatedExchange, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, **_format_best_levels(exchange.get_depth(symbol, 1))}


def build_average_price(exchange: SimulatedExchange, symbol: str, unit: TimeUnit) -> dict[str, Any]:
    """Return the volume-weighted mean price of the last five minutes, the open one included.

    It is the last price without volume, or without a quote volume of the candles.
    """
    first = floor_ms(exchange.now_ms(), MINUTE_MS) - (AVERAGE_MINUTES - 1) * MINUTE_MS
    minutes = exchange.get_candles_since(symbol, first)
    volume, money = _sum_column(minutes, "volume"), _sum_column(minutes, "quote_volume")
    last = take_newest_trades(exchange.iterate_trades_back(symbol), 1)
    return {
        "mins": AVERAGE_MINUTES,
        "price": format_decimal(
            money / volume if volume and money else exchange.get_last_price(symbol)
        ),
        "closeTime": unit.convert_ms(int(last[-1].times[-1])) if last else 0,
    }


def build_day_ticker(
    exchange: SimulatedExchange, symbol: str, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Return statistics of the 24 hours up to now."""
    now = exchange.now_ms()
    statistics = _TickerStatistics(exchange, symbol, now - DAY_MS + 1)
    times = {"openTime": unit.convert_ms(now - DAY_MS), "closeTime": unit.convert_ms(now)}
    ticker = {**statistics.build_ticker(), **times}
    if mini:
        return _select_mini_fields(ticker)
    return {
        **ticker,
        "prevClosePrice": statistics.format_previous_close(),
        "lastQty": statistics.format_last_quantity(),
        **_format_best_levels(exchange.get_depth(symbol, 1)),
    }


def build_rolling_ticker(
    exchange: SimulatedExchange, symbol: str, width: int, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Return statistics since the start of the minute `width` ms before now."""
    now = exchange.now_ms()
    first = floor_ms(now, MINUTE_MS) - width
    times = {"openTime": unit.convert_ms(first), "closeTime": unit.convert_ms(now)}
    ticker = {**_TickerStatistics(exchange, symbol, first).build_ticker(), **times}
    return _select_mini_fields(ticker) if mini else ticker


def build_trading_day_ticker(
    exchange: SimulatedExchange, symbol: str, zone: int, unit: TimeUnit, mini: bool
) -> dict[str, Any]:
    """Return statistics of the current day by the clock of a time zone `zone` ms from UTC."""
    first = floor_ms(exchange.now_ms() + zone, DAY_MS) - zone
    times = {
        "openTime": unit.convert_ms(first),
        "closeTime": unit.convert_last_ms(first + DAY_MS - 1),
    }
    ticker = {**_TickerStatistics(exchange, symbol, first).build_ticker(), **times}
    return _select_mini_fields(ticker) if mini else ticker


def _select_mini_fields(ticker: dict[str, Any]) -> dict[str, Any]:
    return {name: ticker[name] for name in _MINI_FIELDS}


@dataclass(frozen=True)
class _TickerStatistics:
    """Statistics of the minutes that opened at `first` or later."""

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
            "priceChange": format_decimal(last - first),
            "priceChangePercent": f"{(last - first) / first * 100 if first else 0:.3f}",
            "weightedAvgPrice": format_decimal(money / volume if volume else Decimal(0)),
            "openPrice": format_decimal(first),
            "highPrice": format_decimal(_aggregate_column(quoting, "high", pc.max)),
            "lowPrice": format_decimal(_aggregate_column(quoting, "low", pc.min)),
            "lastPrice": format_decimal(last),
            "volume": format_decimal(volume),
            "quoteVolume": format_decimal(money),
            "firstId": first_id,
            "lastId": last_id,
            "count": pc.sum(minutes["trade_count"]).as_py() or 0,
        }

    def format_previous_close(self) -> str:
        """Return the close before the window, or 0 without one."""
        return format_decimal(self.exchange.get_last_price(self.symbol, self.first - 1))

    def format_last_quantity(self) -> str:
        last = take_newest_trades(self.exchange.iterate_trades_back(self.symbol), 1)
        inside = bool(last) and int(last[-1].times[-1]) >= self.first
        return format_decimal(last[-1].get_quantity(-1)) if inside else format_decimal(Decimal(0))

    def _find_trade_ids(self, traded: pa.Table) -> tuple[int, int]:
        """Return the ids of the first and the last trade, both -1 without trades."""
        if not traded.num_rows:
            return -1, -1
        begin = traded["open_time"][0].as_py()
        first = take_oldest_trades(self.exchange.iterate_trades_from(self.symbol, begin), 1)
        last = take_newest_trades(self.exchange.iterate_trades_back(self.symbol), 1)
        return int(first[-1].ids[0]), int(last[-1].ids[-1])


def _format_best_levels(book: SimulatedBook) -> dict[str, str]:
    bid, ask = (book.bids or [_EMPTY_LEVEL])[0], (book.asks or [_EMPTY_LEVEL])[0]
    return {"bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}


def _pick_end_value(minutes: pa.Table, column: str, row: int) -> Decimal:
    return minutes[column][row].as_py() if minutes.num_rows else Decimal(0)


def _sum_column(minutes: pa.Table, column: str) -> Decimal:
    return pc.sum(minutes[column]).as_py() or Decimal(0)


def _aggregate_column(minutes: pa.Table, column: str, which: Any) -> Decimal:
    return which(minutes[column]).as_py() or Decimal(0)
