"""The last 24 hours of a symbol, by time: what the exchange's own 24 h ticker shows."""

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from crypto_assets.market.intervals import Interval
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window, ceil_ms, floor_ms
from crypto_assets.reports.candle_periods import find_known_until, read_period_parts
from crypto_assets.warehouse import Warehouse


@dataclass(frozen=True)
class TickerStatistics:
    """A stretch of time as one candle, by the exchange's rule; `window` in epoch ms.

    It is `partial` if its beginning is not stored: it has then been less than the window.
    """

    symbol: str
    window: Window
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    quote_volume: Decimal
    trade_count: int
    partial: bool = False

    @property
    def change(self) -> Decimal:
        """Last price minus opening price, in quote units."""
        return self.last - self.open

    @property
    def change_ratio(self) -> Decimal:
        """Change over opening price: 0.01 is one percent up."""
        return self.change / self.open if self.open else Decimal(0)

    @property
    def average_price(self) -> Decimal | None:
        """Quote volume over volume; None where nothing was traded."""
        return self.quote_volume / self.volume if self.volume else None


@dataclass(frozen=True)
class DayParts:
    """What the 24 hours up to `until` are made of, and the hours before them.

    `minutes` reach from the start to the first full hour; `hours` begin with the hour in which the
    start lies, or earlier, and end with the minutes of hours that are not computed yet. `partial`
    is whether the beginning of the 24 hours is not stored.
    """

    until: int
    minutes: pa.Table
    hours: pa.Table
    partial: bool

    @property
    def window(self) -> Window:
        return Window(self.until - DAY_MS, self.until)

    @property
    def first_hour(self) -> int:
        """Start of the first hour that lies wholly in the 24."""
        return ceil_ms(self.window.start_ms, HOUR_MS)


def compute_statistics_24h(warehouse: Warehouse, symbol: str) -> TickerStatistics | None:
    """The 24 hours up to the newest minute that is held; None where that is none."""
    until = find_known_until(warehouse, symbol)
    return (
        None if until is None else summarize_day(symbol, read_day_parts(warehouse, symbol, until))
    )


def read_day_parts(warehouse: Warehouse, symbol: str, until: int, hours: int = 24) -> DayParts:
    """The last 24 hours' parts, the hours reaching back `hours` (24 or more) full ones."""
    start = until - DAY_MS
    before_hour = Window(start, ceil_ms(start, HOUR_MS))
    full = Window(floor_ms(until, HOUR_MS) - hours * HOUR_MS, until)
    minutes = read_period_parts(warehouse, symbol, Interval.M1, before_hour, until)
    begun = minutes.num_rows and floor_ms(minutes["open_time"][0].as_py(), MINUTE_MS) == start
    return DayParts(
        until,
        minutes,
        read_period_parts(warehouse, symbol, Interval.H1, full, until),
        partial=not begun and warehouse.partial_periods.is_partial(symbol, Window(start, until)),
    )


def summarize_day(symbol: str, day: DayParts) -> TickerStatistics | None:
    """The 24 hours as one candle, by the exchange's rule; None where nothing is held of them."""
    hours = day.hours.filter(pc.greater_equal(day.hours["open_time"], day.first_hour))
    parts = pa.concat_tables([day.minutes, hours]).sort_by("open_time")
    if not parts.num_rows:
        return None
    traded = parts.filter(pc.greater(parts["volume"], 0))
    quoting = traded if traded.num_rows else parts
    return TickerStatistics(
        symbol=symbol,
        window=day.window,
        open=quoting["open"][0].as_py(),
        high=pc.max(quoting["high"]).as_py(),
        low=pc.min(quoting["low"]).as_py(),
        last=parts["close"][-1].as_py(),
        volume=pc.sum(parts["volume"]).as_py(),
        quote_volume=pc.sum(parts["quote_volume"]).as_py(),
        trade_count=pc.sum(parts["trade_count"]).as_py(),
        partial=day.partial,
    )
