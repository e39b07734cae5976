"""Statistics of a symbol's last 24 hours, as the exchange's own 24 h ticker shows them."""

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
    """A window (epoch ms) as one candle, rolled up by the exchange's rule.

    `partial` is whether the beginning of the window is not stored.
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
        """Change divided by the opening price: 0.01 is one percent up."""
        return self.change / self.open if self.open else Decimal(0)

    @property
    def average_price(self) -> Decimal | None:
        """Quote volume divided by volume; None without trades."""
        return self.quote_volume / self.volume if self.volume else None


@dataclass(frozen=True)
class DayParts:
    """The rows of the 24 hours up to `known_until` (epoch ms), and of the hours before them.

    `minutes` cover the time from the start of the 24 hours to the next full hour. `hours` begin at
    or before the start, and end with minutes whose hour is not computed yet. `partial` is whether
    the beginning of the 24 hours is not stored.
    """

    known_until: int
    minutes: pa.Table
    hours: pa.Table
    partial: bool

    @property
    def window(self) -> Window:
        return Window(self.known_until - DAY_MS, self.known_until)

    @property
    def first_hour(self) -> int:
        """The start of the first full hour in the window."""
        return ceil_ms(self.window.start_ms, HOUR_MS)


def compute_statistics_24h(warehouse: Warehouse, symbol: str) -> TickerStatistics | None:
    """Compute statistics up to the newest stored minute; None if no minute is stored."""
    known_until = find_known_until(warehouse, symbol)
    if known_until is None:
        return None
    return summarize_day(symbol, read_day_parts(warehouse, symbol, known_until))


def read_day_parts(warehouse: Warehouse, symbol: str, known_until: int) -> DayParts:
    """Read the rows of the last 24 hours."""
    start = known_until - DAY_MS
    before_hour = Window(start, ceil_ms(start, HOUR_MS))
    full_hours = Window(floor_ms(known_until, HOUR_MS) - DAY_MS, known_until)
    minutes = read_period_parts(warehouse, symbol, Interval.M1, before_hour, known_until)
    has_start = minutes.num_rows and floor_ms(minutes["open_time"][0].as_py(), MINUTE_MS) == start
    return DayParts(
        known_until,
        minutes,
        read_period_parts(warehouse, symbol, Interval.H1, full_hours, known_until),
        partial=not has_start
        and warehouse.partial_periods.is_partial(symbol, Window(start, known_until)),
    )


def summarize_day(symbol: str, day: DayParts) -> TickerStatistics | None:
    """Roll the 24 hours up into one candle by the exchange's rule; None if nothing is stored."""
    hours = day.hours.filter(pc.greater_equal(day.hours["open_time"], day.first_hour))
    parts = pa.concat_tables([day.minutes, hours]).sort_by("open_time")
    if not parts.num_rows:
        return None
    traded = parts.filter(pc.greater(parts["volume"], 0))
    quoted = traded if traded.num_rows else parts
    return TickerStatistics(
        symbol=symbol,
        window=day.window,
        open=quoted["open"][0].as_py(),
        high=pc.max(quoted["high"]).as_py(),
        low=pc.min(quoted["low"]).as_py(),
        last=parts["close"][-1].as_py(),
        volume=pc.sum(parts["volume"]).as_py(),
        quote_volume=pc.sum(parts["quote_volume"]).as_py(),
        trade_count=pc.sum(parts["trade_count"]).as_py(),
        partial=day.partial,
    )
